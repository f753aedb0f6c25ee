"""Does `compare` set the right figures side by side, and is a file that is no result refused with a clear line?"""

from __future__ import annotations

import json

import pytest

from pimsim.errors import InputError, printable
from pimsim.report.compare import Pair, compare, comparison_sections
from pimsim.report.stored import LARGEST_BYTES, read_result
from pimsim.report.text import render


@pytest.fixture
def stored(make_result, tmp_path):
    def store(name="a.json", **options):
        path = tmp_path / name
        path.write_text(make_result(**options).to_json())
        return read_result(path)

    return store


def test_a_result_beside_itself_changes_nothing(stored):
    found = compare(stored(), stored("b.json"))
    assert all(pair.ratio == 1 for pair in found.totals.values())
    assert found.changed == 0
    assert found.layers == {}
    assert "no layer that is in both differs" in render(comparison_sections(found))


def test_ratios_are_b_over_a(stored, make_result):
    a, b = stored(seed=0), stored("b.json", seed=1)
    found = compare(a, b)
    expected = make_result(seed=1).totals["energy_pJ"] / make_result(seed=0).totals["energy_pJ"]
    assert found.totals["energy_pJ"].ratio == pytest.approx(expected)
    assert list(found.layers) == sorted(found.layers, key=list(found.layers).index)
    assert found.changed == 5  # three products, shared and idle; the move costs nothing in both
    assert json.loads(json.dumps(found.to_dict(), allow_nan=False))["totals"]["energy_pJ"]["a"] == a.totals["energy_pJ"]


def test_precision_is_said_where_tops_is(stored):
    text = render(comparison_sections(compare(stored(), stored("b.json", names=()))))
    assert "TOPS: 1 MAC = 2 operations, A: 8-bit weights x 8-bit inputs; B: no products" in text


def test_different_models_are_compared_by_layer_name(stored):
    found = compare(stored(names=("conv1", "x[/foo]\x1b")), stored("b.json", names=("conv1", "<b>", "c3")))
    assert found.only_a == ("x[/foo]\x1b",)
    assert found.only_b == ("<b>", "c3")
    text = render(comparison_sections(found))
    assert r"1 layers only in A: x[/foo]\x1b" in text
    assert "\x1b" not in text


def test_the_largest_change_stands_first_and_the_list_is_bounded(stored):
    names = [f"n{i}" for i in range(60)]
    found = compare(stored(names=names), stored("b.json", names=names, seed=3), most=5)
    assert len(found.layers) == 5
    assert found.changed > 5
    scale = {key: max(found.totals[key].a, found.totals[key].b) for key in ("energy_pJ", "latency_ns", "area_um2")}
    changes = [max(abs(p.b - p.a) / scale[k] for k, p in row.items()) for row in found.layers.values()]
    assert changes == sorted(changes, reverse=True)


@pytest.mark.parametrize(("a", "b", "ratio"), [(0, 0, 1), (0, 1, None), (2, 1, 0.5), (5e-324, 1e300, None)])
def test_ratio_without_a_base(a, b, ratio):
    assert Pair(a, b).ratio == ratio


def damaged(make_result, change):
    document = json.loads(make_result().to_json())
    change(document)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.pop("schema_version"), "is not a pimsim result: it has no schema_version"),
        (lambda d: d.update(schema_version=99), "schema_version is 99; this pimsim reads 1: run the model again"),
        (lambda d: d.update(schema_version=True), "schema_version is True; this pimsim reads 1"),
        (lambda d: d.update(totals=[]), "totals must be an object; got a list"),
        (lambda d: d["totals"].pop("energy_pJ"), "totals.energy_pJ is missing"),
        (lambda d: d["totals"].update(energy_pJ="1"), "totals.energy_pJ must be a finite number, 0 or more; got '1'"),
        (lambda d: d["totals"].update(energy_pJ=-1), "totals.energy_pJ must be a finite number, 0 or more; got -1"),
        (lambda d: d["totals"].update(chips=True), "totals.chips must be a finite number, 0 or more; got True"),
        (lambda d: d["totals"].update(macs=10**400), "totals.macs must be a finite number, 0 or more"),
        (lambda d: d["model"].pop("precision"), "model.precision must be text; got nothing"),
        (lambda d: d["model"].update(name=3), "model.name must be text; got 3"),
        (lambda d: d.update(hardware=None), "hardware must be an object; got nothing"),
        (lambda d: d["components"].update(adc=1), "components.adc must be an object; got 1"),
        (lambda d: d["components"]["adc"].pop("area_um2"), "components.adc.area_um2 must be a finite number"),
        (lambda d: d.update(layers={}), "layers must be a list; got an object"),
        (lambda d: d["layers"].append(1), "layers[6] must be an object with a name"),
        (lambda d: d["layers"][0].update(energy_pJ=None), "layers[0].energy_pJ must be a finite number"),
    ],
)
def test_a_damaged_result_is_refused(make_result, tmp_path, change, message):
    path = tmp_path / "a.json"
    path.write_text(damaged(make_result, change))
    with pytest.raises(InputError) as fault:
        read_result(path)
    assert any(message in line and line.startswith(printable(path)) for line in fault.value.problems)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not JSON: Expecting value"),
        (b"{", "is not JSON: "),
        (b"[1]", "is not a pimsim result"),
        (b'{"a": NaN}', "is not strict JSON: NaN is not JSON"),
        (b'{"a": 1, "a": 2}', "is not strict JSON: a key stands twice"),
        (b"\xff\xfe\xfa", "is not strict JSON"),
        (b"[" * 200_000, "is nested too deeply"),
        (b'{"schema_version": ' + b"9" * 5000 + b"}", "is not strict JSON"),
    ],
)
def test_what_is_no_json_is_refused(tmp_path, content, message):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_result(path)


def test_a_place_in_the_file_is_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text('{\n "a": 1,\n}')
    with pytest.raises(InputError, match=r"a\.json:3:1: is not JSON"):
        read_result(path)


def test_many_faults_are_bounded(make_result, tmp_path):
    def spoil(document):
        document["layers"] = [0] * 1000

    path = tmp_path / "a.json"
    path.write_text(damaged(make_result, spoil))
    with pytest.raises(InputError) as fault:
        read_result(path)
    assert len(fault.value.problems) == 11
    assert fault.value.problems[-1].endswith("and 990 more faults")


def test_missing_folder_and_too_large(tmp_path):
    with pytest.raises(InputError, match=r"x\.json: no such file"):
        read_result(tmp_path / "x.json")
    with pytest.raises(InputError, match="is a folder; give a result"):
        read_result(tmp_path)
    with pytest.raises(InputError, match="is not a regular file"):
        read_result("/dev/null")
    huge = tmp_path / "huge.json"
    with open(huge, "wb") as stream:
        stream.truncate(LARGEST_BYTES + 1)
    with pytest.raises(InputError, match=f"a result has at most {LARGEST_BYTES}"):
        read_result(huge)


def test_layers_of_one_name_are_kept_apart(make_result, tmp_path):
    def twice(document):
        document["layers"][1]["name"] = document["layers"][0]["name"]

    path = tmp_path / "a.json"
    path.write_text(damaged(make_result, twice))
    assert list(read_result(path).layers)[:2] == ["conv1", "conv1 (2)"]
