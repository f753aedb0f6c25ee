"""Does every part import only from the parts below it, and does a bare `import pimsim` stay light?"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parent.parent / "pimsim"

# Lowest first. A part imports only from lines above its own, never from its neighbours on the same line.
ORDER = (
    ("errors",),
    ("arrays_file", "data_files", "jit"),
    ("graph", "hardware"),
    ("components",),
    ("mapping",),
    ("timing", "memory"),
    ("cost",),
    ("functional", "report"),
    ("engine",),
    ("explore", "demo", "validation"),
    ("__init__",),  # the public names, fetched when first asked for
    ("cli",),
    ("__main__",),
)
RANK = {part: rank for rank, parts in enumerate(ORDER) for part in parts}
SOURCES = sorted(PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """`pimsim.graph.reader` -> `graph`; `pimsim` -> `__init__`."""
    names = module.split(".")
    return names[1] if len(names) > 1 else "__init__"


def module_name(path: Path, root: Path = PACKAGE.parent) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(tree: ast.AST, module: str, is_package: bool) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in the file: at the top, in functions, relative, by importlib."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".")
                package = package[: len(package) - node.level + is_package]
                base = ".".join([*package, *filter(None, [node.module])])
            # `from pimsim import engine` names a module, `from pimsim.engine import simulate` a function in one:
            # the part is the same for both once the imported name is put behind.
            for alias in node.names:
                submodule = base == "pimsim" and (alias.name in RANK or (PACKAGE / alias.name).is_dir())
                yield node.lineno, f"{base}.{alias.name}" if submodule else base
        elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
            if called in ("import_module", "__import__") and isinstance(node.args[0].value, str):
                yield node.lineno, node.args[0].value


def breaches(source: str, path: Path, root: Path = PACKAGE.parent) -> list[str]:
    """One line for each import that goes up or sideways."""
    module = module_name(path, root)
    own = part_of(module)
    found = []
    for line, target in imported(ast.parse(source), module, path.name == "__init__.py"):
        top = target.split(".")[0]
        if top == "nas":
            found.append(f"{module}:{line} imports {target}: pimsim does not know nas")
        if top != "pimsim":
            continue
        other = part_of(target)
        if other not in RANK:
            found.append(f"{module}:{line} imports {target}, which has no place in the order")
        elif other != own and RANK[other] >= RANK[own]:
            found.append(f"{module}:{line} imports {target}: {other} is not below {own}")
    return found


def test_every_part_has_its_place() -> None:
    parts = {part_of(module_name(path)) for path in SOURCES}
    assert not parts - set(RANK), "name them in ORDER"


def test_imports_only_go_down() -> None:
    found = [breach for path in SOURCES for breach in breaches(path.read_text("utf-8"), path)]
    assert not found, "\n" + "\n".join(found)


@pytest.mark.parametrize(
    "line",
    [
        "import pimsim.engine",
        "from pimsim.engine import simulate",
        "from pimsim import engine",
        "from pimsim import simulate",
        "from ..engine import simulate",
        "from .. import engine",
        "from ..components.adc import ADC",
        "from ..graph import workload",
        "def f():\n    from pimsim.cost import evaluation",
        "import importlib\nimportlib.import_module('pimsim.cost.evaluation')",
        "import nas.search",
        "from pimsim.nowhere import x",
    ],
)
def test_an_import_that_goes_up_is_found(line: str) -> None:
    assert len(breaches(line, PACKAGE / "hardware" / "load.py")) == 1


@pytest.mark.parametrize(
    "line",
    ["from pimsim.errors import InputError", "from ..errors import Place", "from . import schema", "import yaml"],
)
def test_an_import_that_goes_down_is_let_pass(line: str) -> None:
    assert not breaches(line, PACKAGE / "hardware" / "load.py")


def top_level_imports(tree: ast.Module) -> set[str]:
    """Libraries loaded when the file is imported (what stands under TYPE_CHECKING is not)."""
    names: set[str] = set()
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            names.add(node.module.split(".")[0])
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            queue += node.orelse
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            queue += ast.iter_child_nodes(node)
    return names


def test_heavy_libraries_are_imported_where_they_are_used() -> None:
    heavy = {"torch", "pandas", "matplotlib", "onnxruntime", "ray"}
    found = {module_name(path): top_level_imports(ast.parse(path.read_text("utf-8"))) & heavy for path in SOURCES}
    assert not {module: names for module, names in found.items() if names}


def test_torch_is_known_to_three_places_only() -> None:
    knows = set()
    for path in SOURCES:
        module = module_name(path)
        tree = ast.parse(path.read_text("utf-8"))
        if any(name.split(".")[0] == "torch" for _, name in imported(tree, module, path.name == "__init__.py")):
            knows.add(module)
    allowed = ("pimsim.cost.penalty", "pimsim.functional", "pimsim.demo")
    assert not {module for module in knows if not module.startswith(allowed)}


def test_importing_pimsim_loads_no_heavy_library() -> None:
    heavy = ["torch", "pandas", "matplotlib", "numba", "onnx", "onnxruntime", "scipy", "ray", "simpy"]
    code = f"import sys, pimsim; print([name for name in {heavy} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
