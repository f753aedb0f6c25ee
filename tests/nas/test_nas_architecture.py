"""Does every part of nas import only from the parts below it, and does a bare `import nas` stay light?"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nas

PACKAGE = Path(nas.__file__).resolve().parent

# Lowest first. A part imports only from lines above its own, never from its neighbours on the same line.
ORDER = (
    ("data", "spaces"),
    ("lowering", "supernets", "baselines"),
    ("objectives",),
    ("training",),
    ("search",),
    ("__init__",),
    ("cli",),
    ("__main__",),
)
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}


def imported(source: str, package: str) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in a file, those inside functions and through importlib too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            # `from nas import search` names a part, `from nas.search import x` a name in one.
            yield from ((node.lineno, f"{base}.{alias.name}" if base == "nas" else base) for alias in node.names)
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def breaches(source: str, own: str, package: str) -> list[str]:
    """One line for each import that goes up or sideways."""
    found = []
    for line, target in imported(source, package):
        names = target.split(".")
        if names[0] != "nas":
            continue
        other = names[1] if len(names) > 1 else "__init__"
        if other not in RANK:
            found.append(f"{own}:{line} imports {target}, which has no place in the order")
        elif other != own and RANK[other] >= RANK[own]:
            found.append(f"{own}:{line} imports {target}: {other} is not below {own}")
    return found


def test_imports_only_go_down() -> None:
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE).parts
        own = parts[0] if len(parts) > 1 else path.stem
        assert own in RANK, f"name {own} in ORDER"
        found += [
            f"{path.name}: {breach}"
            for breach in breaches(path.read_text("utf-8"), own, ".".join(["nas", *parts[:-1]]))
        ]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import nas.search",
        "from nas.training import fit",
        "from nas import cli",
        "from ..cli import main",
        "def f():\n    from nas.search import evolution",
        "import importlib\nimportlib.import_module('nas.search.evolution')",
        "from nas.supernets import nasrec",
        "from nas.nowhere import x",
    ],
)
def test_an_import_that_goes_up_is_found(line: str) -> None:
    assert len(breaches(line, "baselines", "nas.baselines")) == 1


@pytest.mark.parametrize(
    "line", ["from nas.data import Schema", "from ..spaces import nasrec", "from . import layers", "import pimsim"]
)
def test_an_import_that_goes_down_is_let_pass(line: str) -> None:
    assert not breaches(line, "baselines", "nas.baselines")


def test_importing_nas_and_its_data_loads_no_heavy_library() -> None:
    heavy = ["torch", "pandas", "pyarrow", "matplotlib", "numba", "onnx", "onnxruntime", "scipy", "ray", "sklearn"]
    modules = "nas, nas.data, nas.data.batch, nas.data.config, nas.data.test_split"
    code = f"import sys, {modules}; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PACKAGE.parent)
    assert run.stdout.strip() == "[]"
