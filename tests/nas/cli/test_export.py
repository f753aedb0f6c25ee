"""Does `nas export --run` write the model of a run, wherever its embeddings are?"""

import numpy as np
import onnxruntime
import pytest

import pimsim
from nas.data.config import open_data
from nas.spaces.nasrec import Space
from nas.training.evaluate import predict
from nas.training.run import model_of
from nas.training.store import RunStore


@pytest.fixture
def trained(folder, nas):
    """The model of run 1, a network of the space, and the rows of validation."""
    Space.full(blocks=2, dense_widths=(8, 128), sparse_widths=(4,)).sample(np.random.default_rng(1)).save("a.json")
    settings = ("model={name: nasrec, architecture: a.json, embedding_dim: 8}", "training.epochs=1")
    assert nas("train", "--config", "train.yaml", "--quiet", *(x for s in settings for x in ("--set", s)))[0] == 0
    return model_and_rows(1)


def model_and_rows(number):
    store = RunStore("nas-runs")
    record = store.get(number)
    split = open_data(record.config["data"])[1].validation
    return model_of(record, store, split.schema), split


def outputs(path, model, split, embeddings):
    dense, sparse, _ = split.rows(slice(0, 300)).tensors()
    inputs = {"dense": dense, "sparse": sparse}
    if embeddings == "inputs":
        inputs = {"dense": dense, "features": model.embeddings(sparse).transpose(1, 2).contiguous()}
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    known = {one.name for one in session.get_inputs()}
    return session.run(None, {name: x.detach().numpy() for name, x in inputs.items() if name in known})[0]


@pytest.mark.parametrize("embeddings", ["included", "external", "inputs"])
def test_the_file_computes_what_the_runs_model_computes(nas, trained, folder, embeddings):
    code, out, _ = nas("export", "--run", 1, "--out", "run.onnx", "--embeddings", embeddings)
    assert code == 0
    assert "nasrec, run 1" in out
    model, split = trained
    found = outputs(folder / "run.onnx", model, split, embeddings)
    assert found == pytest.approx(predict(model, split)[:300], abs=1e-5)
    assert np.std(found) > 0.01
    assert (folder / "run.onnx.data").exists() == (embeddings == "external")
    assert pimsim.simulate(pimsim.load_model(folder / "run.onnx", batch=1), "reram_128").totals["energy_pJ"] > 0


@pytest.mark.parametrize("name", ["deepfm", "logistic"])
def test_baselines_too(nas, fails, folder, name):
    own = "{name: logistic}" if name == "logistic" else "{name: deepfm, embedding_dim: 4, hidden_units: [8]}"
    whole = (folder / "train.yaml").read_text()
    (folder / "train.yaml").write_text(whole.replace("{name: fm, embedding_dim: 4}", own))
    assert nas("train", "--config", "train.yaml", "--quiet")[0] == 0
    assert nas("export", "--run", 1, "--out", "run.onnx")[0] == 0
    model, split = model_and_rows(1)
    assert outputs(folder / "run.onnx", model, split, "") == pytest.approx(predict(model, split)[:300], abs=1e-5)
    text = fails("export", "--run", 1, "--out", "run.onnx", "--embeddings", "inputs")
    assert "--embeddings inputs is for NASRec networks: use included or external" in text


def test_bad_uses_are_named(nas, fails, trained):
    assert "export: give --out FILE" in fails("export", "--run", 1)
    assert "give --arch FILE or --run RUN, one of the two" in fails("export", "--out", "x.onnx")
    assert "give --arch FILE or --run RUN" in fails("export", "--out", "x.onnx", "--run", 1, "--arch", "a.json")
    assert "a run has all that --dense says; leave it out" in fails("export", "--out", "x", "--run", 1, "--dense", 3)
    assert "there is no run 9" in fails("export", "--out", "x.onnx", "--run", 9)


def test_settings_may_stand_in_a_file_and_options_win(nas, fails, folder):
    Space.full(blocks=2, dense_widths=(8,), sparse_widths=(4,)).sample(np.random.default_rng(1)).save("a.json")
    (folder / "export.yaml").write_text("{arch: a.json, out: a.onnx, dense: 2, fields: 3, embedding_dim: 8}")
    code, out, _ = nas("export", "--config", "export.yaml", "--set", "dense=4", "--set", "rows=9", "--dense", 5)
    assert code == 0
    assert "5 dense columns, 3 sparse fields" in out
    assert "216 (included)" in out
    assert "embeddings: must be one of" in fails("export", "--config", "export.yaml", "--set", "embeddings=none")
    assert "13 dense columns, 26 sparse fields" in nas("export", "--arch", "a.json", "--out", "b.onnx")[1]
