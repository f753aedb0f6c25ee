"""Does `nas train` do what its file says, record it, and go on after an interruption to the same result?"""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nas.training.checkpoint import BEST, load
from nas.training.models import MODELS

ROOT = Path(__file__).resolve().parents[3]
SMALL = {
    "wide_deep": ["model.hidden_units=[8]"],
    "deepfm": ["model.hidden_units=[8]"],
    "dlrm": ["model.bottom_units=[8]", "model.top_units=[8]"],
    "xdeepfm": ["model.hidden_units=[8]", "model.cin_maps=[4]"],
    "autoint": ["model.hidden_units=[8]", "model.attention_layers=1", "model.attention_dim=4"],
    "dcnv2": ["model.hidden_units=[8]", "model.cross_layers=1"],
    "finalmlp": ["model.hidden_units=[8]", "model.second_units=[8]", "model.gate_units=[4]"],
}
ARCHITECTURE = {
    "micro": [
        {"active_nodes": [0, 5], "dense_in_dims": 16, "sparse_in_dims": 8, "dense_sparse_interact": 0, "deep_fm": 1}
    ],
    "macro": [{"dense_idx": [0], "sparse_idx": [0], "dense_left_idx": [0], "dense_right_idx": [0]}],
    "num_blocks": 1, "use_layernorm": 1, "config": "xlarge",
}  # fmt: skip


def sets(*values):
    return [part for value in values for part in ("--set", value)]


def train(nas, *values, config=True):
    code, out, _ = nas("train", *(["--config", "train.yaml"] if config else []), *sets(*values), "--format", "json")
    assert code == 0
    return json.loads(out)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_trains_and_is_evaluated(nas, folder, name):
    values = SMALL.get(name, [])
    if name == "nasrec":
        (folder / "a.json").write_text(json.dumps(ARCHITECTURE))
        values = ["model.architecture=a.json"]
    drop = [] if name in ("fm", *SMALL, "nasrec") else ["model.embedding_dim=null"]
    record = train(nas, f"model.name={name}", *values, *drop)
    assert (record["state"], record["model"], record["name"]) == ("done", name, "first")
    assert 0.55 < record["result"]["auc"] < 1.0
    assert record["hashes"].keys() == {"training", "validation", "test"}
    (folder / "a.json").unlink(missing_ok=True)  # the record holds the architecture itself
    code, out, _ = nas("eval", 1, "--format", "json")
    assert code == 0
    answer = json.loads(out)
    assert {key: answer[key] for key in ("auc", "logloss", "rows")} == {
        key: record["result"][key] for key in ("auc", "logloss", "rows")
    }


def test_the_same_settings_give_the_same_record(nas):
    first, second = train(nas), train(nas)
    for key in ("config", "hashes", "machine"):
        assert first[key] == second[key]
    assert {**first["result"], "seconds": 0} == {**second["result"], "seconds": 0}
    assert load(Path("nas-runs/1") / BEST)[1] == load(Path("nas-runs/2") / BEST)[1]
    assert train(nas, "training.seed=1")["result"]["auc"] != first["result"]["auc"]


def test_without_a_file(nas):
    train(nas, "training.epochs=1")  # makes the set
    values = ("data.folder=prepared", "model.name=fm", "training.epochs=1", "training.threads=1")
    assert train(nas, *values, config=False)["config"]["training"]["epochs"] == 1


def test_text_and_progress(nas):
    code, out, err = nas("train", "--config", "train.yaml")
    assert code == 0
    assert "Run 1 first (fm)" in out
    assert "steps          30, best at " in out
    lines = err.splitlines()
    assert lines[0] == "run 1"
    assert lines[1].startswith("step 10/30  epoch 1  loss 0.")
    assert " s  validation AUC 0." in lines[1]
    assert lines[1].endswith("  best")
    assert nas("train", "--config", "train.yaml", "--quiet")[2] == ""


def test_the_linear_model_says_that_it_converged(nas):
    values = sets("model.name=logistic", "model.embedding_dim=null")
    out = nas("train", "--config", "train.yaml", *values)[1]
    assert "L-BFGS         converged after " in out
    out = nas("train", "--config", "train.yaml", *values, *sets("model.max_iterations=1"))[1]
    assert "L-BFGS         NOT converged after 1 iterations; largest gradient entry " in out


def test_models_are_listed(nas):
    out = nas("train", "--models")[1]
    assert all(name in out for name in MODELS)
    out = nas("train", "--models", "--set", "model.name=dcnv2")[1]
    assert "cross_layers   3 " in out


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_process_is_resumed_to_the_same_result(nas, folder, how):
    values = ["training.epochs=40", "training.patience=0", "training.checkpoint_every=7"]
    whole = train(nas, *values)
    command = [sys.executable, "-m", "nas.cli.main", "train", "--config", "train.yaml", "--store", "other"]
    command += sets(*values)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    for line in process.stderr:
        if "epoch 4 " in line:
            process.send_signal(how)
            break
    rest = process.communicate()[1]
    if how != signal.SIGKILL:
        assert process.returncode == 130
        assert "run 1 interrupted; go on: nas train --resume 1 --store other" in rest
    code, out, _ = nas("train", "--resume", 1, "--store", "other", "--format", "json")
    assert code == 0
    resumed = json.loads(out)
    assert {**resumed["result"], "seconds": 0} == {**whole["result"], "seconds": 0}
    stores = ("nas-runs", "other")
    history = [json.loads(nas("runs", 1, "--store", store, "--format", "json")[1])["history"] for store in stores]
    assert history[0] == history[1]
    tensors = [load(Path(store) / "1" / BEST)[0] for store in stores]
    assert all((tensors[0][key] == tensors[1][key]).all() for key in tensors[0])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("model.name=fn", "--set model.name=fn: model.name: unknown model 'fn' (models: logistic, fm, dlrm, "),
        ("model.rank=3", "--set model.rank=3: model.rank: unknown key; allowed: embedding_dim, name"),
        ("training.epoch=3", "--set training.epoch=3: training.epoch: unknown key; did you mean 'epochs'?"),
        ("training.patience=-1", "training.patience: out of range; got -1; allowed 0 to 100000"),
        ("training.optimizer=sgd", "training.optimizer: must be one of adam, adagrad; got text 'sgd'"),
        ("training.schedule=exponential", "schedule exponential needs final_factor above 0, such as 0.01"),
        ("training", "--set training: expected KEY.KEY=VALUE, such as training.learning_rate=0.01"),
        ("data.set=adult", "set and synthetic exclude each other"),
        ("model=null", "model.name: missing; which model is to be trained (models: logistic, fm, "),
        ("training.metric=gauc", "training.metric gauc needs groups, and the data set's spec names no group column"),
    ],
)
def test_bad_settings_are_named(fails, values, text):
    assert text in fails("train", "--config", "train.yaml", "--set", values)


def test_settings_of_a_file_are_named_with_their_place(fails, folder):
    lines = ("data: {folder: x}", "model:", "  name: fm", "  embedding_dim: many", "training: {epochs: 0}")
    (folder / "bad.yaml").write_text("\n".join(lines))
    told = fails("train", "--config", "bad.yaml").splitlines()
    assert told[0].startswith("bad.yaml:4:18: model.embedding_dim: must be ")
    assert told[1].startswith("bad.yaml:5:20: training.epochs: out of range; got 0")


def test_bad_uses_are_named(fails, nas, folder):
    assert fails("train").startswith("train: give --config FILE, or --set KEY=VALUE for every value, or --resume RUN")
    assert "there is no run store in nas-runs (no runs.sqlite)" in fails("train", "--resume", 1)
    assert "unknown option --confg; did you mean --config?" in fails("train", "--confg", "train.yaml")
    assert "cannot read 'no.yaml'" in fails("train", "--config", "no.yaml")
    assert "p holds no prepared data set" in fails("train", "--set", "data.folder=p", "--set", "model.name=fm")
    train(nas, "training.epochs=1")
    assert "run 1 is done; there is nothing to resume" in fails("train", "--resume", 1)
    assert "--resume takes no --config and no --set" in fails("train", "--resume", 1, "--config", "train.yaml")
    assert "there is no run 9 in nas-runs: it holds 1 runs, the last is 1" in fails("train", "--resume", 9)


def test_a_failed_run_is_recorded_as_failed(fails, nas):
    fails("train", "--config", "train.yaml", "--set", "training.metric=gauc")
    record = json.loads(nas("runs", 1, "--format", "json")[1])
    assert record["state"] == "failed"


def test_a_run_whose_data_changed_is_not_resumed(fails, nas, folder):
    train(nas, "training.epochs=1")
    fails("train", "--config", "train.yaml", *sets("data.synthetic=null", "training.metric=gauc"))
    shutil.rmtree(folder / "prepared")
    train(nas, "training.epochs=1", "data.seed=1")
    assert "split is not the one that run 2 was trained on (its hash differs)" in fails("train", "--resume", 2)


def test_one_process_a_run(fails, nas):
    from nas.training.store import RunStore

    fails("train", "--config", "train.yaml", "--set", "training.metric=gauc")
    store = RunStore("nas-runs")
    with store.held(1):
        store.set_state(1, "running")
        assert "run 1 is being worked on by another process" in fails("train", "--resume", 1)
        assert store.get(1).state == "running"  # the other one's, and left so
