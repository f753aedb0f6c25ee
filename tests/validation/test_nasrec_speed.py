"""Does the study of speed run from end to end, and does its record say what its own figures say?"""

import numpy as np
import pytest

pytest.importorskip("torch")

from pimsim.errors import InputError
from validation.nasrec import records
from validation.nasrec.speed import NAME, OPERATORS, cases, main, only, report, verdicts
from validation.nasrec.speed_rivals import official_module, ours, twin

RECORDED = pytest.mark.skipif(not (records.FOLDER / f"{NAME}.json").exists(), reason="the study has not been run")


@RECORDED
def test_verdicts_follow_from_the_times():
    record = records.read(NAME)
    assert verdicts(record) == record["verdicts"]
    for name, case in record["cases"].items():
        pairs = record["settings"][name]["pairs"]
        for what in ("step", "evaluation"):
            assert all(len(times) == pairs for rival in case[what].values() for times in rival.values())
        assert case["operators"].keys() == OPERATORS.keys()


@RECORDED
def test_the_published_networks_compute_what_the_authors_code_computes():
    found = records.read(NAME)["differences"]
    assert sum("best_1shot" in name for name in found) == 6
    assert max(row["float32"] for row in found.values()) < 1e-5
    assert max(row["float64"] for row in found.values()) < 1e-12


@RECORDED
def test_the_report_names_what_is_not_kept():
    record = records.read(NAME)
    text = report(record)
    for name, verdict in record["verdicts"].items():
        for what, passed in verdict["passed"].items():
            assert passed or f"{name}: {what}" in text


def test_the_miniature_beside_the_plain_twin(capsys, tmp_path):
    assert main(["--mini", "--space", "small", "--records", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "Speed beside a plain twin in torch" in printed
    assert all(name in printed for name in OPERATORS)
    assert not list(tmp_path.iterdir())


def test_rivals_train_on_the_same_paths_and_batch():
    case = cases()["small, 6 + 39"]
    assert case.paths(3) == case.paths(3)
    one, other = case.rows_of_a_batch(0), case.rows_of_a_batch(0)
    assert all(np.array_equal(*both) for both in zip(one, other, strict=True))
    for name, own in OPERATORS.items():
        assert all(block.operators == own for block in only(case, *own).blocks), name


def test_both_learn():
    from dataclasses import replace

    import torch

    case = replace(cases()["small, 6 + 39"], blocks=2, batch=32, rows=5)
    dense, sparse, labels = batch = case.rows_of_a_batch(0)
    path = case.paths(1)[0]
    for make in (ours, twin):
        rival = make(case)

        def loss(rival=rival):
            with torch.no_grad():
                logits = rival.logits(rival.prepare(path), dense, sparse)
            return float(torch.nn.functional.binary_cross_entropy_with_logits(logits, labels))

        before = loss()
        for _ in range(10):
            rival.step(rival.prepare(path), batch)
        assert loss() < before


def test_a_folder_without_their_code_is_named(tmp_path):
    with pytest.raises(InputError, match=r"--official: no nasrec/supernet/supernet\.py in"):
        official_module(tmp_path)
