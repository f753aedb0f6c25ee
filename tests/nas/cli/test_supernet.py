"""Does `nas supernet` train, record and name what is wrong?"""

import json

import pytest

SPACE = """\
space: {blocks: 2, dense_widths: [8, 16], sparse_widths: [4, 8]}
supernet: {look_paths: 2}
training: {epochs: 2, batch_size: 100, threads: 1}
"""


@pytest.fixture
def config(folder):
    data = (folder / "train.yaml").read_text().split("model:")[0]
    (folder / "supernet.yaml").write_text(data + SPACE)


def test_a_run_is_recorded(nas, config):
    code, out, _ = nas("supernet", "--config", "supernet.yaml", "--format", "json")
    assert code == 0
    record = json.loads(out)
    assert (record["command"], record["model"], record["state"]) == ("supernet", "supernet", "done")
    assert record["result"]["steps"] == 20
    from nas.data.config import open_data
    from nas.training.store import RunStore
    from nas.training.supernet import supernet_of

    store = RunStore("nas-runs")
    assert supernet_of(store.get(1), store, open_data(record["config"]["data"])[1]).space.blocks == 2


def test_bad_uses_are_named(nas, fails, config):
    given = ("supernet", "--config", "supernet.yaml", "--set")
    assert "space.blocks: out of range; got 0" in fails(*given, "space.blocks=0")
    text = fails(*given, "supernet.strategy=any")
    assert "supernet.strategy: must be one of single-operator, single-path, any-path; got text 'any'" in text
    assert "supernet: give --config FILE" in fails("supernet")
    assert nas("supernet", "--config", "supernet.yaml", "--quiet")[0] == 0
    assert "run 1 is done" in fails("supernet", "--resume", 1)
    assert "run 1 was made by nas supernet; nas eval measures those of nas train" in fails("eval", 1)
