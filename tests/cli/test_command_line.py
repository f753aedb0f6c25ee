"""What does each command say, on which stream, with which exit code?"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import onnx
import pytest
from onnx import TensorProto, helper

from pimsim.cli import main as cli
from pimsim.cli.running import Program
from pimsim.errors import printable

HOSTILE = ("x[/foo]", "<script>alert(1)</script>", "=cmd()", "\x1b[31mred", "$\\frac$")


def conv_model(path, names=("conv1", "conv2"), unknown=False, dynamic=False):
    """A chain of 3x3 convolutions of 4 channels on 8x8 images."""
    batch = "N" if dynamic else 1
    nodes, weights = [], []
    for index, name in enumerate(names):
        weights.append(helper.make_tensor(f"w{index}", TensorProto.FLOAT, (4, 4, 3, 3), [0.0] * 144))
        nodes.append(
            helper.make_node("Conv", [f"t{index}", f"w{index}"], [f"t{index + 1}"], name=name, pads=[1, 1, 1, 1])
        )
    last = f"t{len(names)}"
    if unknown:
        nodes.append(helper.make_node("Frobnicate", [last], ["odd"], name="odd", domain="com.example"))
        last = "odd"
    shape = [batch, 4, 8, 8]
    graph = helper.make_graph(
        nodes,
        "net",
        [helper.make_tensor_value_info("t0", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(last, TensorProto.FLOAT, shape)],
        weights,
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("com.example", 1)]
    onnx.save(helper.make_model(graph, opset_imports=opsets, ir_version=9), path)
    return str(path)


@pytest.fixture
def model(tmp_path):
    return conv_model(tmp_path / "net.onnx")


@pytest.fixture
def run(capsys):
    """Run the command line in this process: (exit code, stdout, stderr)."""

    def call(*arguments):
        code = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def refused(result, *messages):
    code, out, err = result
    assert code == 2
    assert out == ""
    assert "Traceback" not in err
    lines = err.splitlines()
    assert len(lines) == len(messages)
    for line, message in zip(lines, messages, strict=True):
        assert line.startswith("pimsim: error: ")
        assert message in line


def test_a_run_prints_the_report(run, model):
    code, out, err = run("run", "--hw", "reram_128", "--model", model)
    assert (code, err) == (0, "")
    assert out.startswith("net on reram_128\n")
    assert "conv2" in out


def test_json_and_csv(run, model):
    code, out, _ = run("run", "--hw", "reram_128", "--model", model, "--format", "json")
    document = json.loads(out, parse_constant=pytest.fail)
    assert code == 0
    assert document["totals"]["macs"] == 2 * 64 * 4 * 36
    code, out, _ = run("run", "--hw", "reram_128", "--model", model, "--format", "csv")
    assert code == 0
    assert out.splitlines()[1].startswith("conv1,Conv,mvm,9216,")


def test_files_are_written_and_stdout_stays_empty(run, model, tmp_path):
    out, plot, html = tmp_path / "r.json", tmp_path / "p.png", tmp_path / "p.html"
    files = ("--out", out, "--plot", plot, "--html", html)
    code, stdout, err = run("run", "--hw", "reram_128", "--model", model, "--format", "json", *files)
    assert (code, stdout) == (0, "")
    assert err.splitlines() == [f"wrote {printable(path)}" for path in (out, plot, html)]
    assert json.loads(out.read_text())["model"]["name"] == "net"
    assert plot.read_bytes().startswith(b"\x89PNG")
    assert html.read_text().startswith("<!DOCTYPE html>")


def test_the_table_goes_to_a_file_too(run, model, tmp_path):
    code, stdout, _ = run("run", "--hw", "reram_128", "--model", model, "--out", tmp_path / "r.txt")
    assert (code, stdout) == (0, "")
    assert (tmp_path / "r.txt").read_text() == run("run", "--hw", "reram_128", "--model", model)[1]


def test_bad_places_are_refused_before_the_model_is_read(run, tmp_path):
    hardware = ("run", "--hw", "reram_128", "--model", "absent.onnx")
    refused(run(*hardware, "--out", tmp_path), "--out: ")
    refused(run(*hardware, "--html", tmp_path / "no" / "x"), "no does not exist; create it first")
    refused(run(*hardware, "--plot", tmp_path / "x.gif"), "--plot: ")
    same = tmp_path / "x.png"
    refused(run(*hardware, "--plot", same, "--html", same), "--plot and --html name the same file")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_when_the_run_fails(run, tmp_path):
    code, _, _ = run("run", "--hw", "reram_128", "--model", tmp_path / "absent.onnx", "--out", tmp_path / "r.json")
    assert code == 2
    assert list(tmp_path.iterdir()) == []


def test_all_problems_are_reported_together(run, tmp_path):
    absent = tmp_path / "absent.onnx"
    refused(run("run", "--hw", "rerm_128", "--model", absent), "did you mean 'reram_128'?", "absent.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rnu"], "unknown command 'rnu'; did you mean run?"),
        (["--versoin"], "unknown option '--versoin'; did you mean --version?"),
        (["run"], "run: the following arguments are required: --hw, --model"),
        (["run", "--hw", "x", "--modle", "y"], "run: unknown option --modle; did you mean --model?"),
        (["run", "--hw"], "run: argument --hw: expected one argument"),
        (["run", "--mod", "x"], "run: unknown option --mod; did you mean"),
        (["run", "--hw", "x", "--model", "y", "z"], "run: unrecognized arguments: z"),
        (["ops"], "ops: the following arguments are required: MODEL"),
        (["compare", "a.json"], "compare: the following arguments are required: B.json"),
        (["configs", "shwo"], "configs: unknown action 'shwo'; did you mean show?"),
        (["configs", "show"], "configs show: give one name or file"),
        (["configs", "check"], "configs check: give at least one YAML file"),
        (["configs", "schema", "x"], "configs schema: takes no name; got 'x'"),
        (["configs", "show", "isac"], "did you mean 'isaac'?"),
    ],
)
def test_usage_errors_are_one_line(run, arguments, message):
    refused(run(*arguments), message)


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--batch", "0", "--batch: must be a whole number from 1 to 9,007,199,254,740,992; got '0'"),
        ("--batch", "1e3", "got '1e3'"),
        ("--batch", "9" * 5000, "must be a whole number"),
        ("--batch", "\u0663", "must be a whole number"),
        ("--trips", "x", "--trips: must be a whole number"),
        ("--weight-bits", "33", "--weight-bits: must be a whole number from 1 to 32; got '33'"),
        ("--input-bits", "-1", "got '-1'"),
        ("--dim", "seq", "--dim: must be name=value, e.g. sequence=128; got 'seq'"),
        ("--dim", "=3", "must be name=value"),
        ("--dim", "seq=x", "got 'x'"),
        ("--shape", "image=1x", "--shape: must be input=sizes, e.g. image=1x3x224x224; got 'image=1x'"),
        ("--shape", "image=0x3", "must be a whole number from 1"),
        ("--branch", "thn", "--branch: must be one of then, else; got 'thn'; did you mean then?"),
        ("--unknown-ops", "no", "--unknown-ops: must be one of digital, skip, error; got 'no'"),
        ("--capacity", "x", "--capacity: must be one of chips, spill; got 'x'"),
        ("--format", "yaml", "--format: must be one of table, json, csv; got 'yaml'"),
        ("--bits", "absent.yaml", "absent.yaml"),
        ("--set", "crossbar.adc.bits", "crossbar.adc.bits"),
    ],
)
def test_bad_values_are_named(run, model, option, value, message):
    refused(run("run", "--hw", "reram_128", "--model", model, option, value), message)


def test_a_dimension_given_two_values(run, model):
    refused(
        run("run", "--hw", "reram_128", "--model", model, "--dim", "a=1", "--dim", "a=2"),
        "--dim a is given twice, with two values",
    )


def test_open_dimensions_are_bound(run, tmp_path):
    path = conv_model(tmp_path / "net.onnx", dynamic=True)
    for binding in (("--batch", "2"), ("--dim", "N=2"), ("--shape", "t0=2x4x8x8")):
        code, out, _ = run("run", "--hw", "reram_128", "--model", path, "--format", "json", *binding)
        assert code == 0
        assert json.loads(out)["totals"]["macs"] == 2 * 2 * 64 * 4 * 36
    code, out, err = run("run", "--hw", "reram_128", "--model", path)
    assert (code, out) == (2, "")
    assert "N" in err


def test_overrides_of_hardware(run, model):
    code, out, _ = run("run", "--hw", "reram_128", "--model", model, "--format", "json", "--set", "crossbar.rows=64")
    assert code == 0
    assert json.loads(out)["hardware"]["config"]["crossbar"]["rows"] == 64
    code, out, _ = run("run", "--hw", "reram_128", "--model", model, "--format", "json", "--capacity", "spill")
    assert code == 0
    assert json.loads(out)["hardware"]["config"]["mapping"]["capacity"] == "spill"


def test_bits_for_all_and_per_layer(run, model, tmp_path):
    bits = tmp_path / "bits.yaml"
    bits.write_text("conv1: {weight_bits: 2}\n'*2': {input_bits: 3, weight_bits: 5}\n")
    options = ("--weight-bits", "4", "--input-bits", "6", "--bits", bits)
    code, out, _ = run("run", "--hw", "reram_128", "--model", model, "--format", "json", *options)
    assert code == 0
    rows = json.loads(out)["layers"]
    assert [(row["weight_bits"], row["input_bits"]) for row in rows[:2]] == [(2, 6), (5, 3)]


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        ("conv1: 3\n", ["bits.yaml:1:8: conv1 must hold weight_bits, input_bits or both"]),
        ("conv1: {wieght_bits: 3}\n", ["1:9: unknown key 'wieght_bits'; allowed are weight_bits and input_bits; did"]),
        ("a: {weight_bits: 0}\nb: {input_bits: x}\n", ["1:18: weight_bits must be a whole", "2:17: input_bits must"]),
        ("a: {weight_bits: true}\n", ["weight_bits must be a whole number from 1 to 32; got"]),
        ("{}\n", ["holds no layer; write one line a pattern"]),
        ("a: {}\n", ["a must hold weight_bits, input_bits or both"]),
        ("a: {weight_bits: 3}\na: {weight_bits: 4}\n", ["2:1: "]),
        ("nothing: {weight_bits: 3}\n", ["no layer matches 'nothing'"]),
    ],
)
def test_bad_bits_files(run, model, tmp_path, text, messages):
    bits = tmp_path / "bits.yaml"
    bits.write_text(text)
    refused(run("run", "--hw", "reram_128", "--model", model, "--bits", bits), *messages)


def test_hostile_node_names_are_printed_safely(run, tmp_path):
    path = conv_model(tmp_path / "net.onnx", HOSTILE)
    for form in ("table", "csv", "json"):
        code, out, _ = run("run", "--hw", "reram_128", "--model", path, "--format", form)
        assert code == 0
        assert "\x1b" not in out
    code, out, _ = run("ops", path, "--all")
    assert code == 0
    assert "\x1b" not in out
    assert r"\x1b[31mred" in out


def test_ops_lists_treatments_and_shares(run, model):
    code, out, _ = run("ops", model)
    assert code == 0
    assert "Conv" in out
    assert "mvm" in out
    assert "By node" not in out
    assert "By node" in run("ops", model, "--all")[1]
    document = json.loads(run("ops", model, "--format", "json", "--all")[1])
    assert document["coverage"]["macs"] == 2 * 64 * 4 * 36
    assert [node["name"] for node in document["nodes"] if node["op"] == "Conv"] == ["conv1", "conv2"]
    table = run("ops", model, "--format", "csv")[1].splitlines()
    assert table[0] == "op,treatment,nodes,executions,macs,weight_bytes"
    assert table[1].startswith("Conv,mvm,2")


def test_ops_lists_what_run_refuses(run, tmp_path):
    path = conv_model(tmp_path / "net.onnx", unknown=True)
    code, out, err = run("ops", path)
    assert (code, err) == (0, "")
    assert "Unknown operators" in out
    assert "Frobnicate" in out
    assert "--unknown-ops digital" in out
    assert json.loads(run("ops", path, "--format", "json")[1])["coverage"]["unknown"] == ["com.example.Frobnicate"]
    code, _, err = run("run", "--hw", "reram_128", "--model", path)
    assert code == 2
    assert "Frobnicate" in err
    assert run("run", "--hw", "reram_128", "--model", path, "--unknown-ops", "skip")[0] == 0


def test_configs(run, tmp_path):
    code, out, _ = run("configs")
    assert code == 0
    assert "reram_128" in out
    assert {row["name"] for row in json.loads(run("configs", "--format", "json")[1])} >= {"isaac", "reram_128"}
    code, shown, _ = run("configs", "show", "isaac", "--set", "crossbar.adc.bits=7")
    assert code == 0
    copy = tmp_path / "copy.yaml"
    copy.write_text(shown)
    code, out, _ = run("configs", "check", copy)
    assert (code, out) == (0, f"{copy}: valid (isaac)\n")
    assert json.loads(run("configs", "schema")[1])["$schema"].startswith("https://json-schema.org/")


def test_configs_check_reports_every_file(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text("extends: reram_128\ncrossbr: {}\n")
    code, out, err = run("configs", "check", tmp_path / "a.yaml", "reram_128", tmp_path / "b.yaml")
    assert code == 2
    assert out == "reram_128: valid (reram_128)\n"
    assert [line.count("crossbr") for line in err.splitlines()] == [1, 1]


def test_explain(run):
    code, out, _ = run("explain", "reram_128", "adc")
    assert code == 0
    assert "energy_pJ" in out
    assert "computed" in out
    rows = json.loads(run("explain", "reram_128", "--format", "json")[1], parse_constant=pytest.fail)
    assert {row["origin"] for row in rows} <= {"given", "computed", "calibrated"}
    assert run("explain", "isaac", "--format", "csv")[1].startswith("component,quantity,value,unit,origin,source\n")
    refused(run("explain", "reram_128", "adcc"), "did you mean 'adc'?")


def test_compare(run, model, tmp_path):
    for name in ("reram_128", "isaac"):
        run("run", "--hw", name, "--model", model, "--format", "json", "--out", tmp_path / f"{name}.json")
    files = (tmp_path / "reram_128.json", tmp_path / "isaac.json")
    code, out, _ = run("compare", *files)
    assert code == 0
    assert "net on isaac" in out
    document = json.loads(run("compare", *files, "--format", "json")[1])
    assert document["b"]["hardware"] == "isaac"
    assert run("compare", *files, "--format", "csv")[1].startswith("group,name,quantity,a,b,ratio\ntotals,,energy_pJ,")
    refused(run("compare", tmp_path / "x.json", tmp_path / "y.json"), "x.json: no such file", "y.json: no such file")


def test_help_and_version(run):
    for arguments in ((), ("--help",), ("help",)):
        code, out, err = run(*arguments)
        assert code == (0 if arguments else 2)
        assert all(name in out + err for name in cli.COMMANDS)
    for name in cli.COMMANDS:
        code, out, _ = run(name, "--help")
        assert code == 0
        assert out.startswith(f"usage: pimsim {name}")
    assert run("--version")[1].startswith("pimsim ")


def test_an_internal_fault_keeps_its_traceback(run, model, monkeypatch):
    import pimsim.engine

    def broken(*arguments, **options):
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(pimsim.engine, "simulate", broken)
    with pytest.raises(ZeroDivisionError, match="ours"):
        cli.main(["run", "--hw", "reram_128", "--model", model])


def test_an_interruption_is_one_line(capsys, monkeypatch):
    def interrupt(self, given):
        raise KeyboardInterrupt

    monkeypatch.setattr(Program, "_dispatch", interrupt)
    assert cli.main(["run"]) == 130
    assert capsys.readouterr().err == "pimsim: interrupted\n"


def command(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, "-m", "pimsim", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes close differently here")
def test_a_closed_pipe_is_quiet(model):
    process = command("configs", "schema")
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    assert process.wait(60) == 141


def test_an_ascii_stdout_does_not_stop_the_output(tmp_path):
    path = conv_model(tmp_path / "net.onnx", ("\u5c64",))
    process = command("run", "--hw", "reram_128", "--model", path, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    assert r"\u5c64" in out


def test_a_single_run_loads_nothing_it_does_not_need(model):
    spared = ("pimsim.memory", "numba", "torch", "pandas", "matplotlib", "typer", "rich")
    code = (
        "import sys\nfrom pimsim.cli.main import main\n"
        f"assert main(['run', '--hw', 'reram_128', '--model', {model!r}]) == 0\n"
        f"print([m for m in {spared} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
