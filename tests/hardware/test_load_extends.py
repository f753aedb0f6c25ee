"""Do `extends` and `--set` merge as told, stay inside the folder, and name the file that a value came from?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pimsim.hardware.library import shipped_files
from pimsim.hardware.merge import read_tree
from pimsim.hardware.yaml_source import plain

BASE = """\
name: base
levels: [1, 2, 3]
tables: {a: 1, b: 2}
crossbar:
  rows: 64
  columns: 32
  adc:
    bits: 8
    kind: ramp
"""


def merged(text: str, toy: Any) -> Any:
    return plain(read_tree(toy.write(text)))


def test_mappings_merge_scalars_and_lists_replace(toy: Any) -> None:
    toy.write(BASE, "base.yaml")
    over = "extends: base.yaml\nlevels: [9]\ntables: {b: 5, c: 6}\ncrossbar: {adc: {bits: 4}}\n"
    assert merged(over, toy) == {
        "name": "base",
        "levels": [9],
        "tables": {"a": 1, "b": 5, "c": 6},
        "crossbar": {"rows": 64, "columns": 32, "adc": {"bits": 4, "kind": "ramp"}},
    }


def test_null_removes_a_key(toy: Any) -> None:
    toy.write(BASE, "base.yaml")
    loaded = toy.load("extends: base\ntables:\ncrossbar: {columns: null, adc: {kind: ~}}\n")
    assert loaded.tables == {}
    assert loaded.crossbar.columns == 128
    assert loaded.crossbar.adc.kind == "sar"


def test_null_for_what_the_base_leaves_out_is_the_default(toy: Any) -> None:
    toy.write("name: x\ncrossbar: {rows: 1, adc: {bits: 1}}\n", "base.yaml")
    assert toy.load("extends: base\nlevels: null\ncrossbar: {adc: {kind: null}}\n").crossbar.adc.kind == "sar"
    assert toy.problems("extends: base\nlevls: null\n") == ["hw.yaml:2:1: levls: unknown key; did you mean 'levels'?"]


def test_chain_through_subfolders(toy: Any) -> None:
    toy.write(BASE, "sub/deep/c.yaml")
    toy.write("extends: deep/c\nname: b\n", "sub/b.yaml")
    assert toy.load("extends: sub/b.yaml\ncount: 3\n").name == "b"


def test_faults_name_the_file_of_the_value(toy: Any) -> None:
    toy.write(BASE.replace("bits: 8", "bits: 77").replace("rows: 64", "rows: x"), "base.yaml")
    assert toy.problems("extends: base\ncrossbar: {columns: y}\n") == [
        "hw.yaml:2:21: crossbar.columns: must be a whole number; got text 'y'",
        "base.yaml:5:9: crossbar.rows: must be a whole number; got text 'x'; allowed 1 to 65536",
        "base.yaml:8:11: crossbar.adc.bits: out of range; got 77; allowed 1 to 16",
    ]
    toy.write("a: 1\na: 2\n", "base.yaml")
    assert toy.problems("extends: base\n") == [
        "base.yaml:2:1: the key 'a' stands here a second time; the first is on line 1"
    ]


def test_shipped_configurations_are_bases_by_name(toy: Any) -> None:
    name = next(iter(shipped_files()))
    assert merged(f"extends: {name}\nname: mine\n", toy)["name"] == "mine"
    assert merged(f"extends: hwconfigs/{name}.yaml\nname: mine\n", toy)["name"] == "mine"


def test_a_changed_copy_extends_the_shipped_file_of_its_own_name(toy: Any) -> None:
    name = next(iter(shipped_files()))
    path = toy.write(f"extends: {name}\nname: mine\n", f"{name}.yaml")
    tree = plain(read_tree(path))
    assert isinstance(tree, dict)
    assert tree["name"] == "mine"
    assert "crossbar" in tree


@pytest.mark.parametrize(
    "value",
    ["/etc/passwd", "../base.yaml", "sub/../../base.yaml", "'..\\base.yaml'", "~/x.yaml", "'C:x'", "''", '"a\\0b"'],
)
def test_paths_out_of_the_folder_are_refused(toy: Any, value: str) -> None:
    toy.write(BASE, "base.yaml")
    toy.write(f"name: x\nextends: {value}\n", "inner/hw.yaml")
    (line,) = toy.problems(f"name: x\nextends: {value}\n")
    assert line.startswith("hw.yaml:2:10: extends: '")
    assert line.endswith("is not allowed; give a shipped name, or a file in this file's own folder or below it")


def test_links_out_of_the_folder_are_refused(toy: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    outside = tmp_path_factory.mktemp("outside") / "o.yaml"
    outside.write_text(BASE)
    (toy.folder / "link.yaml").symlink_to(outside)
    (toy.folder / "folder").symlink_to(outside.parent)
    for name in ("link.yaml", "link", "folder/o.yaml"):
        assert toy.problems(f"extends: {name}\n") == [
            f"hw.yaml:1:10: extends: '{name}' is a link that leaves the folder of this file"
        ]


def test_names_that_are_nowhere(toy: Any) -> None:
    toy.write(BASE, "my_base.yaml")
    assert toy.problems("extends: my_bsae.yaml\n") == [
        "hw.yaml:1:10: extends: 'my_bsae.yaml' is neither in '.' nor shipped; did you mean 'my_base.yaml'?"
    ]
    (line,) = toy.problems(f"extends: {'x' * 5000}\n")
    assert "is neither in '.' nor shipped" in line
    assert toy.problems("extends: [a]\n") == ["hw.yaml:1:10: extends must be the name of one hardware file, as text"]


def test_circles_are_refused_with_the_chain(toy: Any) -> None:
    toy.write("extends: c.yaml\n", "b.yaml")
    toy.write("\nextends: hw.yaml\n", "c.yaml")
    assert toy.problems("extends: b.yaml\n") == [
        "c.yaml:2:10: extends runs in a circle: hw.yaml -> b.yaml -> c.yaml -> hw.yaml"
    ]
    assert toy.problems("extends: hw\n") == ["hw.yaml:1:10: extends runs in a circle: hw.yaml -> hw.yaml"]


def test_long_chains_are_refused(toy: Any) -> None:
    for i in range(12):
        toy.write(f"extends: f{i + 1}.yaml\n", f"f{i}.yaml")
    (line,) = toy.problems("extends: f0.yaml\n")
    assert line.startswith("f8.yaml:1:10: extends goes through more than 10 files: hw.yaml -> f0.yaml -> ")


def test_overrides(toy: Any) -> None:
    loaded = toy.load(
        BASE, "crossbar.adc.bits=6", "levels=[1e-3, 2]", "name=off", "verbose=yes", "crossbar.columns=null",
        "crossbar.adc={kind: sar}", "crossbar.adc.bits=5",
    )  # fmt: skip
    assert (loaded.crossbar.adc.bits, loaded.crossbar.adc.kind) == (5, "sar")
    assert (loaded.levels, loaded.name, loaded.verbose, loaded.crossbar.columns) == ((0.001, 2.0), "off", True, 128)


def test_null_override_of_a_default(toy: Any) -> None:
    assert toy.load(BASE, "count=null").count == "auto"


OVERRIDE_FAULTS = [
    ("crossbar.adc.bits=99", "crossbar.adc.bits: out of range; got 99; allowed 1 to 16"),
    ("crossbar.adc.bit=9", "crossbar.adc.bit: unknown key; did you mean 'bits'?"),
    ("crosbar.adc.bits=9", "crosbar: unknown key; did you mean 'crossbar'?"),
    ("crossbar.rows.x=1", "crossbar.rows: must be a whole number; got a mapping; allowed 1 to 65536"),
    ("levels.0=1", "levels: must be a list; got a mapping"),
    ("crossbar", "expected KEY.KEY=VALUE, such as crossbar.adc.bits=8"),
    ("=3", "expected KEY.KEY=VALUE, such as crossbar.adc.bits=8"),
    ("a..b=3", "expected KEY.KEY=VALUE, such as crossbar.adc.bits=8"),
    ("name=", "no value after '='; write null to take the key back to its default"),
    ("name=[1", "not valid YAML: did not find expected ',' or ']'"),
    ("name=*x", "alias '*x' has no anchor '&x' before it"),
    ("name={a: 1, a: 2}", "the key 'a' stands here a second time"),
    ("name=!!python/name:os.system", "the tag '!!python/name:os.system' is not allowed; write the plain value"),
    ("extends=base", "extends cannot be set here; write a file that extends, or name another one"),
]


@pytest.mark.parametrize(("override", "message"), OVERRIDE_FAULTS)
def test_faults_of_overrides(toy: Any, override: str, message: str) -> None:
    assert toy.problems(BASE, override) == [f"--set {override}: {message}"]


def test_hostile_overrides(toy: Any) -> None:
    assert "nested deeper than 50 levels" in toy.problems(BASE, ".".join("a" * 60) + "=1")[0]
    assert "nested deeper than 50 levels" in toy.problems(BASE, "a=" + "[" * 60 + "]" * 60)[0]
    assert toy.problems(BASE, "name=\x1b") == ["--set name=\\x1b: character U+001B is not allowed in YAML"]


def test_a_key_removed_by_an_override_is_missed_where_its_section_stands(toy: Any) -> None:
    assert toy.problems(BASE, "crossbar.rows=null") == [
        "hw.yaml:4:1: crossbar.rows: missing; expected a whole number; allowed 1 to 65536 (wordlines)"
    ]


def test_a_folder_named_like_the_extended_file_is_passed_over(toy: Any) -> None:
    (Path(toy.folder) / "base").mkdir()
    toy.write(BASE, "base.yaml")
    assert toy.load("extends: base\n").name == "base"
