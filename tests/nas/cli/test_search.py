"""Does `nas search` find, record, resume to the same result, keep limits and name what is wrong?"""

import json

import pyarrow.parquet as pq
import pytest

from nas.search import run as search_run
from nas.spaces.architecture import Architecture

SUPERNET = """\
space: {blocks: 2, dense_widths: [8, 16], sparse_widths: [4, 8]}
supernet: {look_paths: 1, embedding_dim: 8}
training: {epochs: 1, batch_size: 200, threads: 1}
"""
SEARCH = """\
supernet: 1
search: {population: 6, sample: 3, children: 3, generations: 3, seed: 5}
scoring: {steps: 3, batch_size: 100, threads: 1}
top: 4
"""


@pytest.fixture
def config(folder, nas):
    data = (folder / "train.yaml").read_text().split("model:")[0]
    (folder / "supernet.yaml").write_text(data + SUPERNET)
    (folder / "search.yaml").write_text(SEARCH)
    assert nas("supernet", "--config", "supernet.yaml", "--quiet")[0] == 0
    return folder / "nas-runs"


def scored(store, run):
    return pq.read_table(store / str(run) / "search.parquet")


def test_a_search_is_recorded_and_its_scores_are_reused(nas, config):
    code, out, err = nas("search", "--config", "search.yaml", "--format", "json")
    assert code == 0
    record = json.loads(out)
    assert (record["command"], record["model"], record["state"]) == ("search", "evolution", "done")
    assert (record["result"]["scored"], record["result"]["reused"]) == (15, 0)
    scores = [row["score"] for row in record["top"]]
    assert len(scores) == 4
    assert scores == sorted(scores, reverse=True)
    assert scores[0] == record["result"]["score"] == max(scored(config, 2)["score"].to_pylist())
    assert "generation 3/3  best" in err
    best = Architecture.load(config / "2" / "top" / "1.json")
    assert best.digest == record["top"][0]["digest"]
    assert (config / "2" / "search.png").read_bytes()[:4] == b"\x89PNG"
    # With another objective, the same seed begins with the same networks: none of those is scored again.
    given = ("--hw", "reram_128", "--penalty", "energy", "--quiet")
    code, out, _ = nas("search", "--config", "search.yaml", *given)
    assert code == 0
    assert "Best of the search" in out
    assert "picture" in out
    from nas.training.store import RunStore

    store = RunStore("nas-runs")
    third = store.get(3)
    assert third.result["reused"] >= 6
    assert third.config["objective"]["target"] > 0
    assert [look["step"] for look in store.history(3)] == [0, 1, 2, 3]
    assert nas("runs", 3)[0] == 0


def test_an_interrupted_search_ends_as_if_it_had_not_been(nas, config, monkeypatch):
    assert nas("search", "--config", "search.yaml", "--set", "table=whole.parquet", "--quiet")[0] == 0
    whole = scored(config, 2)
    genuine = search_run.search

    def stopping(*given):
        stops = iter([False] * 7 + [True] * 100)  # in the middle of the generation after the first
        return genuine(*given[:-1], lambda: next(stops))

    monkeypatch.setattr(search_run, "search", stopping)
    code, _, err = nas("search", "--config", "search.yaml", "--quiet")
    assert code == 130
    assert "run 3 interrupted; go on: nas search --resume 3" in err
    assert 0 < len(scored(config, 3)) < len(whole)
    monkeypatch.setattr(search_run, "search", genuine)
    assert nas("search", "--resume", 3, "--quiet")[0] == 0
    assert scored(config, 3).equals(whole)
    from nas.training.store import RunStore

    assert RunStore("nas-runs").get(3).result["reused"] == 8  # what had been scored when it was interrupted


def test_limits_are_kept(nas, config):
    assert nas("search", "--config", "search.yaml", "--hw", "reram_128", "--quiet")[0] == 0
    free = scored(config, 2)["energy_uJ"].to_pylist()
    most = sorted(free)[len(free) // 2]
    given = ("--hw", "reram_128", "--max-energy-uJ", most, "--quiet")
    assert nas("search", "--config", "search.yaml", *given)[0] == 0
    assert max(free) > most >= max(scored(config, 3)["energy_uJ"].to_pylist())


def test_bad_uses_are_named(nas, fails, config):
    given = ("search", "--config", "search.yaml")
    assert "search: give --config FILE, or --supernet RUN" in fails("search")
    assert "energy, latency and area need hw" in fails(*given, "--penalty", "latency")
    assert "energy, latency and area need hw" in fails(*given, "--max-area-mm2", 1)
    assert "objective.metric gauc needs groups" in fails(*given, "--objective", "gauc")
    assert "objective.metric: must be one of auc, gauc, logloss; got text 'f1'" in fails(*given, "--objective", "f1")
    assert "objective.max_energy_uJ: out of range" in fails(*given, "--max-energy-uJ", 0)
    assert "there is no run 9" in fails(*given, "--supernet", 9)
    text = fails(*given, "--hw", "reram_128", "--max-latency-us", 1e-9)
    assert "architectures is within the limits and fits the hardware: raise a limit" in text
    assert "sample must be at most population (6); got 7" in fails(*given, "--set", "search.sample=7")
    assert nas("runs")[1].count("search") == 1  # that whose limit allowed nothing: it failed when it had begun
    assert "run 1 is done; there is nothing to resume" in fails("search", "--resume", 1)
    assert "supernet: run 2 is no finished run of nas supernet" in fails(*given, "--supernet", 2)
    assert "--resume takes no other settings" in fails(*given, "--resume", 2)


def test_a_changed_hardware_is_named_on_resume(nas, fails, config, monkeypatch):
    from pimsim.hardware.load import find_hardware

    own = config.parent / "own.yaml"
    own.write_text(find_hardware("reram_128").read_text())
    genuine = search_run.search
    monkeypatch.setattr(search_run, "search", lambda *given: genuine(*given[:-1], lambda: True))
    assert nas("search", "--config", "search.yaml", "--hw", own, "--quiet")[0] == 130
    own.write_text(own.read_text().replace("bits: 8", "bits: 7"))
    assert "is not the one that run 2 began with (its values differ)" in fails("search", "--resume", 2)


GRADIENT = ("search", "--config", "search.yaml", "--hw", "reram_128", "--penalty", "energy", "--set",
            "search.algorithm=gradient", "--set",
            "search.gradient={steps: 12, paths: 2, batch_size: 100, rounds: 3, candidates: 2}", "--quiet")  # fmt: skip


def test_a_search_by_gradients_is_recorded_and_resumed_to_the_same_end(nas, config, monkeypatch):
    code, out, _ = nas(*GRADIENT, "--set", "table=whole.parquet", "--format", "json")
    assert code == 0
    record = json.loads(out)
    assert (record["model"], record["state"], record["result"]["scored"]) == ("gradient", "done", 8)
    whole = scored(config, 2)
    assert sorted(set(whole["generation"].to_pylist())) == [0.0, 1.0, 2.0, 3.0]
    assert (config / "2" / "search.png").read_bytes()[:4] == b"\x89PNG"
    assert Architecture.load(config / "2" / "top" / "1.json").digest == record["top"][0]["digest"]
    genuine = search_run.search

    def stopping(*given, **named):
        stops = iter([False] * 9 + [True] * 100)  # in the middle of some steps
        return genuine(*given[:-1], lambda: next(stops), **named)

    monkeypatch.setattr(search_run, "search", stopping)
    code, _, err = nas(*GRADIENT)
    assert (code, "go on: nas search --resume 3" in err) == (130, True)
    monkeypatch.setattr(search_run, "search", genuine)
    assert nas("search", "--resume", 3, "--quiet")[0] == 0
    assert scored(config, 3).equals(whole)
    assert "must be one of evolution, random, gradient" in nas(*GRADIENT, "--set", "search.algorithm=darts")[2]


def test_a_search_by_gradients_keeps_limits(nas, config):
    assert nas(*GRADIENT)[0] == 0
    most = sorted(scored(config, 2)["energy_uJ"].to_pylist())[4]
    assert nas(*GRADIENT, "--max-energy-uJ", most)[0] == 0
    assert max(scored(config, 3)["energy_uJ"].to_pylist()) <= most
