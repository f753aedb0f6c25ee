"""Does a space give the points that its file describes, and does every fault say where it is and what to write?"""

from __future__ import annotations

import itertools
import pickle
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.explore.sampling import sample
from pimsim.explore.space import Space
from pimsim.explore.space_file import load_space
from pimsim.hardware.load import load_hardware

SMALL = {
    "base": "reram_128",
    "knobs": {
        "crossbar.rows": [64, 128, 256],
        "crossbar.adc.kind": ["sar", "flash"],
        "crossbar.adc.bits": {"from": 4, "to": 8, "step": 2},
        "technology.clock_GHz": {"from": 0.1, "to": 0.5, "step": 0.1},
    },
}


@cache
def loaded_small() -> Space:
    return load_space(SMALL)


def with_knobs(**knobs: object) -> dict[str, object]:
    return {"base": "reram_128", "knobs": {name.replace("__", "."): values for name, values in knobs.items()}}


def test_points_are_those_of_nested_loops() -> None:
    space = load_space(SMALL)
    expected = list(
        itertools.product([64, 128, 256], ["sar", "flash"], [4, 6, 8], [0.1, 0.2, 0.3, 0.4, 0.5])
    )
    assert space.size == len(expected) == 90
    columns = space.columns(space.codes(0, 90))
    assert list(zip(*(column.tolist() for column in columns.values()), strict=True)) == expected
    assert [tuple(space.point(number).values()) for number in range(90)] == expected
    assert space.numbers(space.codes(0, 90)).tolist() == list(range(90))


@given(st.integers(0, 90), st.integers(0, 90))
def test_any_piece_is_cut_out_of_the_whole(start: int, stop: int) -> None:
    space = loaded_small()
    assert np.array_equal(space.codes(start, stop), space.codes(0, 90)[start:stop])


def test_a_space_of_any_size_is_counted_and_a_piece_of_it_made() -> None:
    space = load_space(with_knobs(**{f"layers__l{n}__weight_bits": list(range(1, 9)) for n in range(20)}))
    assert space.size == 8**20
    assert space.numbers(space.codes(8**19, 8**19 + 3)).tolist() == [8**19, 8**19 + 1, 8**19 + 2]
    huge = load_space(with_knobs(**{f"layers__l{n}__weight_bits": list(range(1, 9)) for n in range(40)}))
    assert huge.size == 8**40
    with pytest.raises(InputError, match="too many to go through; sample it"):
        huge.codes(0, 10)
    assert huge.point(8**39 + 7)["layers.l0.weight_bits"] == 2
    assert len(np.unique(sample(huge, "sobol", 300, 1), axis=0)) == 300


def test_ranges_and_doublings() -> None:
    space = load_space(
        with_knobs(
            crossbar__rows={"log2": [48, 400]},
            crossbar__read_ns={"from": 0.3, "to": 0.9, "step": 0.3},
            chip__count=["auto", 2],
            crossbar__adc__bits={"values": range(4, 7), "name": "resolution"},
            tile__pes=np.array([4, 8]),
        )
    )
    values = {knob.path: knob.values for knob in space.knobs}
    assert values == {
        "crossbar.rows": (48, 96, 192, 384),
        "crossbar.read_ns": (0.3, 0.6, 0.9),
        "chip.count": ("auto", 2),
        "crossbar.adc.bits": (4, 5, 6),
        "tile.pes": (4, 8),
    }
    assert [type(value) for value in values["crossbar.rows"]] == [int] * 4
    assert space.knobs[3].name == "resolution"


def test_constraints_and_derived_values_follow_each_point() -> None:
    space = load_space(
        {
            "base": "reram_128",
            "knobs": {
                "crossbar.rows": [64, 128, 256],
                "crossbar.columns": {"values": [64, 128, 256], "name": "width"},
                "crossbar.adc.kind": ["sar", "flash"],
            },
            "derived": {
                "pe.input_register.size_bytes": "2 * rows",
                "crossbar.cell.write.cells_at_once": "min(crossbar.columns, 128)",
            },
            "constraints": [
                "crossbar.columns <= rows",
                "crossbar.adc.kind == 'sar' or rows in [64, 128]",
                "0 < pe.input_register.size_bytes / 2 <= 256 and not width * chip.tiles > 1e9",
                "log2(rows) >= crossbar.adc.bits - 2",
            ],
        }
    )
    codes = space.codes(0, space.size)
    kept = codes[space.allowed(codes)]
    rows, width, kind, register, at_once = (column.tolist() for column in space.columns(kept).values())
    assert set(zip(rows, width, kind, strict=True)) == {
        (r, c, k) for r in (64, 128, 256) for c in (64, 128, 256) for k in ("sar", "flash")
        if c <= r and (k == "sar" or r < 256)
    }  # fmt: skip
    assert register == [2 * r for r in rows]
    assert at_once == [min(c, 128) for c in width]
    machine = space.hardware(int(space.numbers(kept)[0]))
    assert (machine.crossbar.rows, machine.pe.input_register.size_bytes) == (64, 128)


def test_the_hardware_of_a_point_is_the_base_with_its_values() -> None:
    space = load_space(SMALL)
    number = 77
    values = space.point(number)
    expected = load_hardware("reram_128", overrides=[f"{path}={value}" for path, value in values.items()])
    assert space.hardware(number) == space.hardware(values) == expected
    with pytest.raises(InputError, match="cells_at_once must be at most columns = 64; got 128"):
        load_space(with_knobs(crossbar__columns=[64, 128])).hardware(0)
    with pytest.raises(InputError, match="points are numbered 0 to 89; got 90"):
        space.point(90)


def test_a_space_goes_to_a_worker_and_back() -> None:
    space = load_space("reram_small")
    first = space.allowed(space.codes(0, 100))  # compiles the constraints
    again = pickle.loads(pickle.dumps(space))
    assert again == space
    assert again.digest() == space.digest()
    assert np.array_equal(again.allowed(again.codes(0, 100)), first)
    other = load_space({**SMALL, "constraints": ["rows > 64"]})
    assert len({space.digest(), other.digest(), load_space(SMALL).digest()}) == 3


def test_every_shipped_point_that_meets_the_constraints_is_valid_hardware() -> None:
    space = load_space("reram_small")
    codes = space.codes(0, space.size)
    numbers = space.numbers(codes[space.allowed(codes)])
    assert len(numbers) > 1000
    for number in np.random.default_rng(1).choice(numbers, 60, replace=False):
        space.hardware(int(number))


@pytest.mark.parametrize("method", ["sobol", "random"])
def test_samples_are_distinct_allowed_and_the_same_for_a_seed(method: str) -> None:
    space = load_space("reram_small")
    codes = sample(space, method, 700, 5)
    assert codes.shape == (700, len(space.knobs))
    assert space.allowed(codes).all()
    assert len(np.unique(space.numbers(codes))) == 700
    assert np.array_equal(codes, sample(space, method, 700, 5))
    assert np.array_equal(codes[:300], sample(space, method, 300, 5))
    assert not np.array_equal(codes, sample(space, method, 700, 6))
    whole = space.codes(0, space.size)
    assert np.array_equal(sample(space, method, 10_000, 5), whole[space.allowed(whole)])


def test_a_sobol_sample_is_spread_evenly() -> None:
    space = load_space(with_knobs(crossbar__rows=[64, 128, 256, 512], crossbar__adc__bits=[4, 5, 6, 7]))
    grid = load_space(with_knobs(**{f"layers__l{n}__weight_bits": list(range(1, 17)) for n in range(4)}))
    counts = np.bincount(sample(grid, "sobol", 256, 2)[:, 0], minlength=16)
    assert counts.min() >= 12
    assert counts.max() <= 20
    assert len(sample(space, "sobol", 16, 0)) == 16


def test_wrong_samples_are_refused() -> None:
    space = load_space(SMALL)
    with pytest.raises(InputError, match="sample must be one of sobol, random; got 'grid'"):
        sample(space, "grid", 3, 0)
    with pytest.raises(InputError, match="n must be a whole number from 1 to 10,000,000; got 0"):
        sample(space, "sobol", 0, 0)
    with pytest.raises(InputError, match="no point of 'space' was found that meets its constraints"):
        sample(load_space({**SMALL, "constraints": ["rows > 1000"]}), "random", 3, 0)


FILE = """\
name: mine
base: reram_128
knobs:
  crossbar.rows: [64, 128]
"""

FAULTS = {
    "unknown key": ("nob: 1\n", "5:1: unknown key 'nob'; did you mean 'knobs'?"),
    "mistyped knob": (
        "  crossbar.colums: [64]\n",
        "5:3: knobs: unknown path 'crossbar.colums'; did you mean 'crossbar.columns'?",
    ),
    "the end of a path": ("  size_KB: [64]\n", "unknown path 'size_KB'; did you mean 'tile.buffer.size_KB'?"),
    "a section": ("  pe: [64]\n", "5:3: knobs: 'pe' is a section; name one of its keys: crossbars, shift_add"),
    "free text": ("  crossbar.adc.source: [x]\n", "5:3: knobs: 'crossbar.adc.source' is no knob"),
    "no path": ("  crossbar..rows: [1]\n", "5:3: knobs: 'crossbar..rows' is not a dotted path such as crossbar.rows"),
    "wrong type": ("  crossbar.adc.bits: [4, six]\n", "5:26: knobs: crossbar.adc.bits: must be a whole number; got"),
    "out of range": ("  crossbar.adc.bits: [4, 40]\n", "5:26: knobs: crossbar.adc.bits: out of range; got 40"),
    "a choice": ("  crossbar.adc.kind: [sar, flsh]\n", "got text 'flsh'; did you mean 'flash'?"),
    "twice the value": ("  tile.pes: [4, 8, 4]\n", "5:20: knobs: tile.pes: the value 4 stands here twice"),
    "twice the key": ("  crossbar.rows: [4]\n", "5:3: the key 'crossbar.rows' stands here a second time"),
    "no list": ("  tile.pes: 4\n", "5:13: knobs: tile.pes: must be a list [64, 128], {from: 4, to: 9, step: 1}"),
    "empty list": ("  tile.pes: []\n", "5:13: knobs: tile.pes: an empty list; write a list"),
    "nested": ("  tile.pes: [[1]]\n", "5:13: knobs: tile.pes: values are numbers, texts or true/false"),
    "null": ("  tile.pes: [null]\n", "a value is a number, a text or true/false; got nothing (null)"),
    "odd keys": ("  tile.pes: {begin: 1}\n", "got the keys begin"),
    "backwards": ("  tile.pes: {from: 9, to: 4}\n", "needs from <= to and step > 0; got from 9, to 4, step 1"),
    "no step": ("  tile.pes: {from: 1, to: 4, step: 0}\n", "needs from <= to and step > 0"),
    "huge range": ("  tile.pes: {from: 1, to: 1000000000}\n", "1,000,000,000 values; at most 65536 are allowed"),
    "range of text": ("  tile.pes: {from: a, to: 4}\n", "knobs: tile.pes: from must be a number; got text 'a'"),
    "infinite": ("  tile.pes: {from: 1, to: 1e300}\n", "to must be within -1e15 and 1e15"),
    "log2 form": ("  tile.pes: {log2: 4}\n", "log2 takes the first and the last value"),
    "log2 order": ("  tile.pes: {log2: [8, 4]}\n", "log2 needs 0 < first <= last; got 8 and 4"),
    "bad name": ("  tile.pes: {values: [1], name: 2 x}\n", "name must be one word of letters, digits and _"),
    "same name": (
        "  tile.pes: {values: [1], name: a}\n  pe.crossbars: {values: [1], name: a}\n", "two knobs are called 'a'",
    ),
    "layer form": ("  layers.conv1.weights: [4]\n", "must be of the form layers.PATTERN.weight_bits"),
    "layer bits": ("  layers.conv1.weight_bits: [4, 40]\n", "bits are whole numbers from 1 to 32; got 40"),
    "constraint type": ("constraints: [rows + 1]\n", "5:15: constraints: 'rows + 1': a constraint compares"),
    "constraint name": ("constraints: [row > 1]\n", "unknown name 'row'; did you mean 'crossbar.rows'?"),
    "constraint text": ("constraints: [1]\n", "constraints must be a list of texts, comparisons"),
    "derived knob": ("derived: {crossbar.rows: 4}\n", "derived: crossbar.rows: is a knob already"),
    "derived path": ("derived: {crossbar.row: 4}\n", "derived: unknown path 'crossbar.row'; did you mean"),
    "derived value": ("derived: {tile.pes: [4]}\n", "derived: tile.pes: must be an expression, e.g. 2 * crossbar.rows"),
    "derived name": ("derived: {tile.pes: 2 * row}\n", "derived: '2 * row': unknown name 'row'"),
    "models": ("models: {a: b}\n", "models must be a list of texts, ONNX files; got a mapping"),
    "description": ("description: [1]\n", "description must be text of up to 2000 characters"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_has_its_place_and_its_way_out(name: str, tmp_path: Path) -> None:
    text, message = FAULTS[name]
    path = tmp_path / "mine.yaml"
    path.write_text(FILE + text)
    with pytest.raises(InputError) as caught:
        load_space(path)
    assert len(caught.value.problems) == 1
    assert caught.value.problems[0].startswith(f"{path}:")
    assert message in caught.value.problems[0]


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("base: reram_182\nknobs:\n  crossbar.rowz: [1]\n  tile.pes: 3\nconstraints: 7\n")
    with pytest.raises(InputError) as caught:
        load_space(path)
    lines = [line.removeprefix(f"{path}:") for line in caught.value.problems]
    assert [line.split(": ")[0] for line in lines] == ["1:7", "3:3", "4:13", "5:14"]
    assert "did you mean 'reram_128'?" in lines[0]
    wanting = {"base: reram_128\n": "knobs are missing", "knobs: {tile.pes: [1]}\n": "base is missing"}
    for missing, message in wanting.items():
        path.write_text(missing)
        with pytest.raises(InputError, match=message):
            load_space(path)


def test_a_base_beside_the_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "chip.yaml").write_text("extends: reram_128\nname: chip\ntile: {pes: 3}\n")
    (tmp_path / "mine.yaml").write_text(FILE.replace("reram_128", "chip.yaml"))
    assert load_space(tmp_path / "mine.yaml").base.tile.pes == 3
    assert load_space({**SMALL, "base": load_hardware("isaac")}).base.name == load_hardware("isaac").name


def test_a_wrong_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no space file 'reram_smal', and none of that name is shipped; did you mean"):
        load_space("reram_smal")
    with pytest.raises(InputError, match="is a folder; give a YAML file"):
        load_space(tmp_path)
    with pytest.raises(InputError, match="expected numbers, text, lists and mappings; got a set"):
        load_space({"base": "reram_128", "knobs": {"tile.pes": {4}}})


def test_the_space_of_the_documentation_is_one() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "sweeps.md").read_text()
    example = text.partition("```yaml\n")[2].partition("```")[0]
    space = load_space(yaml.safe_load(example))
    assert space.size == 3 * 4 * 2 * 3 * 2 * 2
    assert space.point(0)["crossbar.columns"] == 128
    assert space.models == ("model.onnx",)
