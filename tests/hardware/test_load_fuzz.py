"""Does every file, however broken, end in a `Hardware` or in an InputError of clean lines that name the file?"""

from __future__ import annotations

import copy
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.hardware.export import resolved_yaml
from pimsim.hardware.library import find_hardware, shipped_files
from pimsim.hardware.load import hardware_warnings, load_hardware, load_hardware_file

SAFE_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
SAFE_DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
HOSTILE: list[Any] = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**64, 10**30, -(10**400), 0.5, 1e-300, 1e308, float("inf"),
    float("nan"), "", "x", "2 pJ", "1e-9", "0x10", "1_0", "010", "<script>", "[/x]", "\x1b[31m", "\u202e", "a" * 5000,
    "\0", "null", "~", "../x", "/etc/passwd", "yes", [], {}, [[]], [{}], {"": 1}, {"a.b": 1}, {"__class__": 1},
    [1] * 300, {"<<": {}}, {"extends": "isaac"}, "isaac", "reram_128", b"\xff\x00", {1: 2}, {None: 1},
]  # fmt: skip
LINES = [
    "extends: isaac", "extends: .", "extends: hw.yaml", "extends: [isaac]", "a: &a [*a]", "<<: *a", "---", "...", "\t",
    "- x", "? y", "!!python/object:x.y {}", "%YAML 1.1", "a: |", "  indented: 1", "'", '"', "{", "[", "&x", "*x", "!t",
    "\ufeff", "\x85", "\u2028a: 1", "name: >-", "@", "`", "# c", "name: name: name", "name: *name",
]  # fmt: skip


def paths_of(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(node, dict | list):
        for key in node if isinstance(node, dict) else range(len(node)):
            yield from paths_of(node[key], (*path, key))


def mutate(tree: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """One change of structure at a random place."""
    paths = [path for path in paths_of(tree) if path]
    if not paths:
        return {"name": copy.deepcopy(rng.choice(HOSTILE))}
    *above, key = rng.choice(paths)
    parent: Any = tree
    for step in above:
        parent = parent[step]
    match rng.randrange(7):
        case 0:
            del parent[key]
        case 1:
            parent[key] = copy.deepcopy(rng.choice(HOSTILE))
        case 2:
            parent[key] = [parent[key]]
        case 3:
            parent[key] = {rng.choice(["x", "bits", "energy_nJ", "kind", ""]): parent[key]}
        case 4 if isinstance(parent, dict):
            letters = list(str(key))
            letters.insert(rng.randrange(len(letters) + 1), rng.choice("xé_.:- 1"))
            parent["".join(letters)] = parent.pop(key)
        case 5:  # the same object twice: the dumper writes an alias
            other: Any = tree
            for step in rng.choice(paths)[:-1]:
                other = other[step]
            parent[key] = other if other is not parent and not contains(other, parent) else 3
        case _:
            for _ in range(rng.choice([1, 60])):
                parent[key] = {"a": parent[key]}
    return tree


def contains(node: Any, part: Any) -> bool:
    if node is part:
        return True
    below = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    return any(contains(child, part) for child in below)


def mutate_text(text: str, rng: random.Random) -> str:
    """One change of lines: added, repeated, indented, cut."""
    lines = text.splitlines(keepends=True)
    at = rng.randrange(len(lines)) if lines else 0
    match rng.randrange(6):
        case 0:
            lines.insert(at, rng.choice(LINES) + "\n")
        case 1 if lines:
            lines.insert(rng.randrange(len(lines)), lines[at])
        case 2 if lines:
            lines[at] = " " * rng.randrange(5) + lines[at].lstrip()
        case 3 if lines:
            lines[at] = lines[at][: rng.randrange(len(lines[at]))]
        case 4 if lines:
            lines[at] = lines[at].rstrip("\n") + rng.choice([" &x", " *x", ": 1", " #", "'", " {", "\x00", "\t"]) + "\n"
        case _:
            lines = lines[: at + 1]
    return "".join(lines)


def check_lines(problems: tuple[str, ...], *files: str) -> None:
    assert 1 <= len(problems) <= 51
    for line in problems:
        assert line.isprintable(), repr(line)
        assert len(line) < 2500
        assert line.startswith((*files, "--set ")) or "hwconfigs" in line.partition(":")[0]


def check(folder: Path, content: bytes, overrides: tuple[str, ...] = ()) -> str:
    """'loaded' or 'refused'; anything else that happens is a failure of the test."""
    path = folder / "hw.yaml"
    path.write_bytes(content)
    try:
        loaded = load_hardware_file(path, overrides=overrides)
    except InputError as error:
        check_lines(error.problems, str(path))
        return "refused"
    for line in hardware_warnings(loaded):
        assert line.isprintable()
    (folder / "again.yaml").write_bytes(resolved_yaml(loaded.hardware).encode())
    assert load_hardware(folder / "again.yaml") == loaded.hardware
    return "loaded"


def run_mutations(folder: Path, count: int, seed: int) -> dict[str, int]:
    rng = random.Random(seed)
    trees = [yaml.load(find_hardware(name).read_text(encoding="utf-8"), SAFE_LOADER) for name in shipped_files()]
    reached = {"loaded": 0, "refused": 0}
    for index in range(count):
        tree = copy.deepcopy(rng.choice(trees))
        for _ in range(rng.choice([0, 1, 1, 2, 3, 5])):
            tree = mutate(tree, rng)
        text = yaml.dump(tree, Dumper=SAFE_DUMPER, sort_keys=False, allow_unicode=True)
        for _ in range(rng.choice([0, 0, 1, 2]) if index % 2 else 0):
            text = mutate_text(text, rng)
        overrides = (rng.choice(["crossbar.adc.bits", "name", "a.b", "chip"]) + "=" + str(rng.choice(HOSTILE))[:200],)
        reached[check(folder, text.encode("utf-8", "surrogatepass"), overrides if index % 5 == 0 else ())] += 1
    return reached


def test_mutated_structure(tmp_path: Path) -> None:
    reached = run_mutations(tmp_path, 150, seed=1)
    assert reached["loaded"] > 10
    assert reached["refused"] > 80


@pytest.mark.slow
def test_mutated_structure_thousands(tmp_path: Path) -> None:
    reached = run_mutations(tmp_path, 2000, seed=2)
    assert reached["loaded"] > 100
    assert reached["refused"] > 1000


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=300))
def test_random_bytes(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    assert check(tmp_path_factory.mktemp("bytes"), content) == "refused"


@settings(max_examples=200, deadline=None)
@given(
    pieces=st.lists(
        st.sampled_from([*LINES, "\n", "\n  ", "name: ", "crossbar:", ": ", ", ", "}", "]", "x", "1"]), max_size=25
    )
)
def test_random_pieces_of_yaml(tmp_path_factory: pytest.TempPathFactory, pieces: list[str]) -> None:
    check(tmp_path_factory.mktemp("pieces"), "".join(pieces).encode())


@settings(max_examples=50, deadline=None)
@given(text=st.text(max_size=60), path=st.sampled_from(["", "name=", "crossbar.adc.bits=", "mapping=", "a.b="]))
def test_random_overrides(text: str, path: str) -> None:
    try:
        load_hardware("reram_128", overrides=[path + text])
    except InputError as error:
        check_lines(error.problems)
