"""Does `nas runs` list what the store holds, in every form, and does `nas` itself answer and start light?"""

import json
import subprocess
import sys

from nas.cli.main import COMMANDS


def test_lists(nas):
    for seed in (0, 1):
        assert nas("train", "--config", "train.yaml", "--quiet", "--set", f"training.seed={seed}")[0] == 0
    rows = nas("runs")[1].splitlines()
    assert rows[0] == "Runs in nas-runs"
    assert rows[1].split()[:7] == ["run", "name", "command", "model", "state", "AUC", "LogLoss"]
    assert [row.split()[:5] for row in rows[3:]] == [[str(i), "first", "train", "fm", "done"] for i in (1, 2)]
    csv = nas("runs", "--format", "csv")[1].splitlines()
    assert csv[0] == "run,name,command,model,state,AUC,LogLoss,parameters,looks,started"
    assert len(csv) == 3
    assert [record["id"] for record in json.loads(nas("runs", "--format", "json")[1])] == [1, 2]


def test_one_run_with_settings_and_history(nas):
    assert nas("train", "--config", "train.yaml", "--quiet")[0] == 0
    out = nas("runs", 1)[1]
    assert "Validation\n" in out
    assert "training.learning_rate" in out
    assert "test split" in out
    history = nas("runs", 1, "--format", "csv")[1].splitlines()
    assert history[0].startswith("step,")
    assert [line.split(",")[0] for line in history[1:]] == ["10", "20", "30"]


def test_a_store_that_is_not_there(fails):
    assert fails("runs", "--store", "no") == "there is no run store in no (no runs.sqlite)"


def test_usage(nas, fails):
    assert nas()[0] == 2
    code, out, _ = nas("--help")
    assert code == 0
    assert out.startswith("usage: nas COMMAND")
    assert fails("tran") == f"unknown command 'tran'; did you mean train? (commands: {', '.join(COMMANDS)})"
    for command in COMMANDS:
        code, out, _ = nas(command, "--help")
        assert code == 0
        assert out.startswith(f"usage: nas {command}")


def test_bad_usage_needs_no_torch():
    code = "import sys; from nas.cli.main import main; main(['runs', '--store', 'x/y']); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
