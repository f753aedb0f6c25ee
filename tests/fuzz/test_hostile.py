"""Files made to hurt: the error that each must give, in words."""

from __future__ import annotations

import csv
import html
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import onnx
import pytest
from onnx import TensorProto, helper
from untidy import build, ones

from pimsim import InputError, Result, load_hardware, load_model, simulate

NASTY = "=1+1<script>alert(1)</script>[/x][bold]\x1b[31m\n\u202e"
PRODUCT = "g (float[2,6] x) => (float[2,6] y) { y = MatMul(x, w) }"


def refusal(model: onnx.ModelProto, folder: Path, **options: Any) -> str:
    """The text of the InputError that the model gives."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputError) as caught:
        load_model(path, **options)
    assert sorted(p.name for p in folder.iterdir()) == ["model.onnx"]
    return str(caught.value).replace(str(path), "model.onnx")


def result(model: onnx.ModelProto, folder: Path, **options: Any) -> Result:
    """The result on the default hardware."""
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return simulate(load_model(path, **options), "reram_128", compiled=False)


def sized(operator: str, size: int) -> onnx.ModelProto:
    """A graph that adds to its input a value of `size` elements which `operator` makes."""
    make = {
        "ConstantOfShape": "big = ConstantOfShape(many)",
        "Tile": "big = Tile(one, many)",
        "Expand": "big = Expand(one, many)",
        "RandomNormal": f"big = RandomNormal<shape=[{size}]>()",
        "Range": "n = Squeeze(many)  i = Range(zero, n, step)  big = Cast<to=1>(i)",
    }[operator]
    start = f"many = Constant<value_ints=[{size}]>()  zero = Constant<value_int=0>()  step = Constant<value_int=1>()"
    return build(f"g (float[1] x) => (float[M] y) {{ {start}  {make}  y = Add(x, big) }}", one=ones(1))


@pytest.mark.parametrize("operator", ["ConstantOfShape", "Tile", "Expand", "RandomNormal", "Range"])
def test_values_far_larger_than_the_file(operator: str, tmp_path: Path) -> None:
    assert "more than 2^53 elements" in refusal(sized(operator, 2**60), tmp_path)
    assert result(sized(operator, 2**40), tmp_path).totals["ops"] >= 2**40


def test_a_weight_of_2_to_the_60(tmp_path: Path) -> None:
    side = 2**30
    text = f"s = Constant<value_ints=[{side},{side}]>()  w = ConstantOfShape(s)  y = MatMul(x, w)"
    said = refusal(build(f"g (float[1,{side}] x) => (float[1,{side}] y) {{ {text} }}"), tmp_path)
    assert "ConstantOfShape" in said
    assert "[1073741824, 1073741824]: more than 2^53 elements" in said


def test_dimensions_whose_product_overflows(tmp_path: Path) -> None:
    side = 2**40
    said = refusal(build(f"g (float[{side},{side}] x) => (float[{side},{side}] y) {{ y = Relu(x) }}"), tmp_path)
    assert "value 'x' has shape [1099511627776, 1099511627776]: more than 2^53 elements" in said


def test_a_product_too_large_to_count(tmp_path: Path) -> None:
    shape = f"float[{2**25},{2**25}]"
    said = refusal(build(f"g ({shape} x) => ({shape} y) {{ y = MatMul(x, x) }}"), tmp_path)
    assert "more than 2**53 operations" in said


def test_a_cycle(tmp_path: Path) -> None:
    text = "g (float[2] x) => (float[2] y) { a = Add(x, b)  b = Relu(a)  y = Relu(b) }"
    assert "the nodes form a cycle: node" in refusal(build(text), tmp_path)


def test_a_value_made_twice(tmp_path: Path) -> None:
    text = "g (float[2] x) => (float[2] y) { a = Relu(x)  a = Neg(x)  y = Relu(a) }"
    said = refusal(build(text), tmp_path)
    assert "value 'a' is produced twice: by node 0 '' (Relu) and node 1 '' (Neg)" in said


def test_nodes_of_one_name_are_told_apart(tmp_path: Path) -> None:
    model = build("g (float[2,6] x) => (float[2,6] y) { a = MatMul(x, w)  y = MatMul(a, w) }", w=ones(6, 6))
    for node in model.graph.node:
        node.name = "same"
    names = [row["name"] for row in result(model, tmp_path).layers]
    assert len(set(names)) == len(names)


def test_functions_that_call_themselves(tmp_path: Path) -> None:
    body = '<domain: "local", opset_import: ["" : 21, "local" : 1]> f (i) => (o) { o = local.f(i) }'
    model = build("g (float[2] x) => (float[2] y) { y = local.f(x) }", imports=', "local" : 1', functions=body)
    assert "local functions call each other in a circle: f -> f" in refusal(model, tmp_path)


def test_functions_that_double_forty_times(tmp_path: Path) -> None:
    header = '<domain: "local", opset_import: ["" : 21, "local" : 1]>'
    chain = [f"{header} f{i} (i) => (o) {{ t = local.f{i + 1}(i)  o = local.f{i + 1}(t) }}" for i in range(40)]
    bodies = "\n".join([*chain, f"{header} f40 (i) => (o) {{ o = Relu(i) }}"])
    model = build("g (float[2] x) => (float[2] y) { y = local.f0(x) }", imports=', "local" : 1', functions=bodies)
    assert "1099511627776 nodes once its local functions are inlined" in refusal(model, tmp_path)


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd", "a/../../weights.bin"])
def test_external_data_outside_the_folder(location: str, tmp_path: Path) -> None:
    model = build(PRODUCT, w=ones(6, 6))
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)
    said = refusal(model, tmp_path)
    assert f"external data at '{location}' is refused" in said
    assert "inside the model's folder" in said


@pytest.mark.parametrize("attribute", ["num_outputs", "num_scan_inputs"])
def test_a_number_of_ports_that_a_file_only_names(attribute: str, tmp_path: Path) -> None:
    texts = {
        "num_outputs": f"g (float[4] x) => (float[4] y) {{ y = Split<num_outputs={2**40}>(x) }}",
        "num_scan_inputs": f"""g (float[1,6] h, float[9,1,6] xs) => (float[1,6] last) {{
            last = Scan<num_scan_inputs={2**40}, body = b (float[1,6] s, float[1,6] x) => (float[1,6] s2) {{
                s2 = Add(s, x) }}>(h, xs) }}""",
    }
    assert attribute in refusal(build(texts[attribute]), tmp_path)


def test_an_unknown_operator_names_node_and_ways_out(tmp_path: Path) -> None:
    model = build("g (float[2] x) => (float[2] y) { y = Relu(x) }")
    model.graph.node[0].op_type, model.graph.node[0].name = "<script>", "a\x1b[31m\n[/x]"
    said = refusal(model, tmp_path)
    assert r"node 0 'a\x1b[31m\n[/x]' (<script>): the operator <script> is not known" in said
    assert "--unknown-ops digital" in said


@pytest.fixture
def nastily_named(tmp_path: Path) -> Path:
    """A model whose every name is an attack on what shows it."""
    path = tmp_path / "model.onnx"
    model = build(PRODUCT, w=ones(6, 6))
    model.graph.node[0].name = model.graph.name = NASTY
    path.write_bytes(model.SerializeToString())
    return path


def test_names_are_escaped_in_every_form(nastily_named: Path) -> None:
    shown = simulate(load_model(nastily_named), "reram_128", compiled=False)
    assert "\x1b" not in shown.to_text()
    assert "<script" not in shown.to_html()
    assert html.escape("<script>") in shown.to_html()
    cells = [cell for row in csv.reader(io.StringIO(shown.to_csv())) for cell in row]
    assert any("alert(1)" in cell for cell in cells)
    assert not any(cell.startswith("=") for cell in cells)
    assert any(row["name"] == NASTY for row in json.loads(shown.to_json())["layers"])


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_names_are_harmless_in_the_terminal(nastily_named: Path, form: str) -> None:
    command = [
        sys.executable,
        "-m",
        "pimsim",
        "run",
        "--hw",
        "reram_128",
        "--model",
        str(nastily_named),
        "--format",
        form,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "alert(1)" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\u202e" not in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("operators", [("Relu",), ("MatMul", "Relu", "Add")], ids="-".join)
def test_a_hundred_thousand_nodes(operators: tuple[str, ...], tmp_path: Path) -> None:
    nodes, last = [], "x"
    for i in range(100_000):
        operator = operators[i % len(operators)]
        nodes.append(helper.make_node(operator, [last] if operator == "Relu" else [last, "w"], [f"v{i}"]))
        last = f"v{i}"
    value = helper.make_tensor_value_info
    weight = helper.make_tensor("w", 1, [8, 8], [1.0] * 64)
    graph = helper.make_graph(nodes, "long", [value("x", 1, [8, 8])], [value(last, 1, [8, 8])], [weight])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)
    done = result(model, tmp_path)
    assert len(done.layers) >= 100_000
    assert done.totals["macs"] == 512 * sum(node.op_type == "MatMul" for node in nodes)


BOMB = tuple(zip("abcdefgh", "bcdefghi", strict=True))
YAML_ATTACKS = {
    "name: a\nname: b\n": "name",
    "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(f"{k}: &{k} [{','.join(['*' + j] * 9)}]\n" for j, k in BOMB): "alias",
    "name: !!python/object/apply:os.system [ls]\n": "tag",
    "extends: hardware.yaml\n": "extends",
    "extends: /etc/passwd\n": "/etc/passwd",
    "[" * 5000: "",
    "name: a\n---\nname: b\n": "",
    "": "",
}


@pytest.mark.parametrize("text", YAML_ATTACKS, ids=range(len(YAML_ATTACKS)))
def test_hostile_hardware_files(text: str, tmp_path: Path) -> None:
    path = tmp_path / "hardware.yaml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        load_hardware(path)
    assert "hardware.yaml" in str(caught.value)
    assert YAML_ATTACKS[text] in str(caught.value)
