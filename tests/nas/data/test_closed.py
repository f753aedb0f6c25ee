"""Can training or search reach the test split?"""

import ast
from collections.abc import Iterator
from pathlib import Path

import nas

ROOT = Path(nas.__file__).resolve().parent
KEYS = {"nas.data.test_split", "nas.data.store.read_split"}  # what opens the rows of a test split
MAY = {"data/test_split.py", "cli/eval.py"}  # the latter is `nas eval --split test`, which counts


def imported(source: str, package: str) -> Iterator[str]:
    """Dotted names of everything a file imports, names out of modules too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")
                base = ".".join([*parts[: len(parts) - node.level + 1], *([base] if base else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value  # import_module("nas.data.test_split")


def openers(root: Path = ROOT) -> set[str]:
    """Files under nas that import what opens the test split."""
    found = set()
    for path in root.rglob("*.py"):
        package = ".".join(["nas", *path.relative_to(root).parts[:-1]])
        if KEYS & set(imported(path.read_text("utf-8"), package)):
            found.add(path.relative_to(root).as_posix())
    return found


def test_only_the_command_that_counts_looks_opens_the_test_split() -> None:
    found = openers()
    assert "data/test_split.py" in found
    assert found <= MAY, f"{sorted(found - MAY)} may not"


def test_the_check_sees_every_way_to_import_it(tmp_path: Path) -> None:
    ways = ["import nas.data.test_split", "from nas.data import test_split",
            "from nas.data.test_split import open_test", "from ..data.test_split import open_test",
            "from ..data import test_split",
            "from nas.data.store import read_split", "importlib.import_module('nas.data.test_split')"]  # fmt: skip
    (tmp_path / "training").mkdir()
    for number, way in enumerate(ways):
        (tmp_path / "training" / f"way{number}.py").write_text(way + "\n")
    (tmp_path / "training" / "good.py").write_text("from nas.data.store import open_splits\n")
    assert openers(tmp_path) == {f"training/way{number}.py" for number in range(len(ways))}
