"""Do exported networks compute what torch computes, wherever their embeddings are, and can pimsim run them?"""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import pimsim
from nas.cli.main import main
from nas.data.fields import Schema, SparseField
from nas.lowering.export import export_network
from nas.lowering.nasrec import Lowering
from nas.spaces.architecture import Architecture, Block
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Network
from nas.training import checkpoint
from pimsim.errors import InputError
from tests.nas.lowering.conftest import plain_schema, with_random_weights

SPACE = Space.full(blocks=3, dense_widths=(16, 32, 128), sparse_widths=(4, 8))


def rows(schema, count, seed=0):
    generator = torch.Generator().manual_seed(seed)
    ids = [torch.randint(0, f.rows, (count, f.length), generator=generator) for f in schema.sparse]
    return torch.randn(count, len(schema.dense), generator=generator), torch.cat(ids, 1)


def scores(path, inputs):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {name: value.detach().numpy() for name, value in inputs.items()})[0]


@pytest.mark.parametrize("embeddings", ["included", "external", "inputs"])
def test_pimsim_takes_one_sample_where_nothing_is_said(generator, tmp_path, embeddings):
    network = with_random_weights(Network(SPACE.sample(generator), plain_schema(3, 5)))
    path = export_network(network, tmp_path / "a.onnx", embeddings)
    hardware = pimsim.load_hardware("reram_128")
    one = pimsim.simulate(pimsim.load_model(path, batch=1), hardware).totals
    assert pimsim.simulate(pimsim.load_model(path), hardware).totals == one
    two = pimsim.simulate(pimsim.load_model(path, batch=2), hardware).totals
    assert two["macs"] == 2 * one["macs"]


@pytest.mark.parametrize("embeddings", ["included", "external", "inputs"])
def test_exported_networks_compute_the_same(generator, tmp_path, embeddings):
    schema = plain_schema(3, 5)
    network = with_random_weights(Network(SPACE.sample(generator), schema))
    path = export_network(network, tmp_path / "a.onnx", embeddings)
    dense, sparse = rows(schema, 7)
    inputs = {"dense": dense, "sparse": sparse}
    if embeddings == "inputs":
        inputs = {"dense": dense, "features": network.embeddings(sparse).transpose(1, 2).contiguous()}
    assert network.training
    assert np.allclose(scores(path, inputs), network(dense, sparse).detach().numpy(), atol=1e-4)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.onnx"] + ["a.onnx.data"] * (embeddings == "external")
    assert pimsim.simulate(pimsim.load_model(path, batch=1), "reram_128").totals["energy_pJ"] > 0


def test_pooled_fields_compute_the_same(generator, tmp_path):
    fields = (SparseField("a", 9), SparseField("tags", 5, "mean", 3), SparseField("words", 4, "sum", 2))
    schema = Schema(("x", "y"), fields)
    network = with_random_weights(Network(SPACE.sample(generator), schema))
    path = export_network(network, tmp_path / "a.onnx")
    dense, sparse = rows(schema, 9)
    assert np.allclose(scores(path, {"dense": dense, "sparse": sparse}), network(dense, sparse).detach(), atol=1e-4)


def test_the_file_holds_the_parameters_that_reach_the_output(generator, tmp_path):
    for space in (SPACE, Space.small(blocks=4)):
        network = with_random_weights(Network(space.sample(generator), plain_schema(3, 5)))
        model = onnx.load(export_network(network, tmp_path / "a.onnx", "inputs"))
        floats = [t for t in model.graph.initializer if t.data_type == onnx.TensorProto.FLOAT]
        assert sum(int(np.prod(t.dims)) for t in floats) == network.parameter_counts.reaching


def test_without_dense_columns_the_file_takes_the_one_that_is_always_1(generator, tmp_path):
    architecture, schema = SPACE.sample(generator), plain_schema(0, 5)
    network = with_random_weights(Network(architecture, schema)).eval()
    path = export_network(network, tmp_path / "a.onnx")
    dense, sparse = rows(schema, 3, 0)
    given = {"dense": torch.ones(3, 1), "sparse": sparse}
    assert np.allclose(scores(path, given), network(dense, sparse).detach(), atol=1e-4)
    assert pimsim.load_model(path, batch=1).macs == Lowering(schema).workload(architecture).macs


def test_the_same_network_gives_the_same_bytes(generator, tmp_path):
    network = Network(SPACE.sample(generator), plain_schema(3, 5))
    one, other = (export_network(network, tmp_path / name).read_bytes() for name in ("a.onnx", "b.onnx"))
    assert one == other


def test_tables_of_more_than_two_gib_are_refused_before_anything_is_traced(tmp_path):
    block = Block(("linear-2d", "linear-3d"), 16, 4, False, False, (0,), (0,), (0,), (0,))
    with torch.device("meta"):
        network = Network(Architecture((block,)), Schema(("x",), (SparseField("id", 40_000_000),)))
    with pytest.raises(InputError, match=r"2\.4 GiB of weights do not fit .*: use --embeddings external or inputs"):
        export_network(network, tmp_path / "a.onnx")
    with pytest.raises(InputError, match="embeddings must be one of included, external, inputs; got 'none'"):
        export_network(network, tmp_path / "a.onnx", "none")
    with pytest.raises(InputError, match=r"--out: folder .* does not exist"):
        export_network(network, tmp_path / "no" / "a.onnx", "inputs")
    assert list(tmp_path.iterdir()) == []


def test_the_command(generator, tmp_path, capsys):
    architecture = SPACE.sample(generator)
    architecture.save(tmp_path / "A.json")
    out = tmp_path / "arch.onnx"
    given = ["export", "--arch", str(tmp_path / "A.json"), "--out", str(out)]
    assert main([*given, "--dense", "3", "--fields", "5", "--rows", "20"]) == 0
    assert "3 dense columns, 5 sparse fields" in capsys.readouterr().out
    read, own = pimsim.load_model(out, batch=1), Lowering(plain_schema(3, 5)).workload(architecture)
    assert read.macs == own.macs
    schema = Schema(("x",), (SparseField("tags", 5, "mean", 3),))
    (tmp_path / "schema.json").write_text(json.dumps(schema.to_json()))
    assert main([*given, "--schema", str(tmp_path / "schema.json"), "--embedding-dim", "8"]) == 0
    assert [d.dim_value for d in onnx.load(out).graph.input[1].type.tensor_type.shape.dim][1:] == [3]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--dense", "3"], "export: give --schema FILE, or --dense N and --fields N, both of them"),
        (["--schema", "absent.json"], "cannot read absent.json: No such file or directory"),
        (["--schema", "{folder}/A.json"], "A.json: not a schema:"),
        (["--schema", "{folder}/bad.json"], "bad.json: not a JSON text"),
        (["--dense", "3", "--fields", "5", "--weights", "absent"], "there is no checkpoint absent"),
        (["--dense", "3", "--fields", "5", "--out", "{folder}"], "is a folder; give the name of a file"),
        (["--dense", "0", "--fields", "5"], "--dense"),
    ],
)
def test_what_the_command_refuses(generator, tmp_path, capsys, options, says):
    SPACE.sample(generator).save(tmp_path / "A.json")
    (tmp_path / "bad.json").write_text("{")
    given = ["export", "--arch", str(tmp_path / "A.json"), "--out", str(tmp_path / "a.onnx")]
    assert main([*given, *(option.replace("{folder}", str(tmp_path)) for option in options)]) == 2
    assert says in capsys.readouterr().err
    assert not (tmp_path / "a.onnx").exists()


@pytest.mark.slow
def test_two_hundred_random_networks(tmp_path):
    """Each within 1e-4 of torch in onnxruntime, run by pimsim, and equal to its direct lowering."""
    generator = np.random.default_rng(2023)
    spaces = [Space.full(), Space.small(), Space.full(blocks=4, dense_widths=(16, 64, 128), sparse_widths=(4, 8, 16))]
    for i in range(200):
        architecture = spaces[i % 3].sample(generator)
        schema = plain_schema(int(generator.integers(1, 20)), int(generator.integers(1, 30)))
        network = Network(architecture, schema).eval()
        path = export_network(network, tmp_path / "a.onnx")
        dense, sparse = rows(schema, 3, i)
        assert np.allclose(scores(path, {"dense": dense, "sparse": sparse}), network(dense, sparse).detach(), atol=1e-4)
        read, own = pimsim.load_model(path, batch=1), Lowering(schema).workload(architecture)
        one = pimsim.simulate(read, "reram_128", operands="default").totals
        other = pimsim.simulate(own, "reram_128").totals
        assert read.macs == own.macs
        assert one["energy_pJ"] == pytest.approx(other["energy_pJ"], rel=1e-3)
        assert one["area_um2"] == pytest.approx(other["area_um2"], rel=1e-3)
        assert one["latency_ns"] == pytest.approx(other["latency_ns"], rel=0.02)


@pytest.mark.parametrize("prefix", ["", "model."])
def test_the_command_takes_the_weights_of_a_checkpoint(generator, tmp_path, prefix, capsys):
    architecture, schema = SPACE.sample(generator), plain_schema(3, 5)
    network = with_random_weights(Network(architecture, schema))
    tensors = {f"{prefix}{name}": value for name, value in network.state_dict().items()}
    checkpoint.save(tmp_path / "best.safetensors", tensors)
    architecture.save(tmp_path / "A.json")
    (tmp_path / "schema.json").write_text(json.dumps(schema.to_json()))
    given = ["export", "--arch", str(tmp_path / "A.json"), "--out", str(tmp_path / "a.onnx")]
    given += ["--schema", str(tmp_path / "schema.json"), "--weights", str(tmp_path / "best.safetensors")]
    assert main(given) == 0
    dense, sparse = rows(schema, 4)
    found = scores(tmp_path / "a.onnx", {"dense": dense, "sparse": sparse})
    assert np.allclose(found, network(dense, sparse).detach(), atol=1e-4)
    assert main([*given, "--embedding-dim", "8"]) == 2
    assert "best.safetensors does not fit the model" in capsys.readouterr().err
