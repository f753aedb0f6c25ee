"""Is the default of the generator `reuse` what the published counts say, and what real sequences look like?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pimsim.memory.traces.popularity import (
    PRODUCTION_REQUESTS,
    PRODUCTION_ROWS,
    PRODUCTION_SHARES,
    PRODUCTION_TABLES,
    Production,
    classes_of,
    production_curve,
    reuse_curve,
)
from pimsim.memory.traces.stack import HIT_CURVE
from pimsim.memory.traces.zipf import Zipf
from validation.trace_reuse import DATA, DISTANCES, curve_of, exponent_of, made_gap, sequences, table

ROOT = Path(__file__).resolve().parents[2]


def test_the_default_is_the_published_counts() -> None:
    assert [distance for distance, _ in HIT_CURVE] == list(DISTANCES)
    np.testing.assert_allclose([share for _, share in HIT_CURVE], production_curve(), atol=5.01e-5)


def test_the_shares_give_the_published_number_of_rows() -> None:
    """Two figures of the source against each other: shares by count over the counts, and the different rows."""
    counts, shares = classes_of(PRODUCTION_SHARES)
    assert float((shares * PRODUCTION_REQUESTS / counts).sum()) == pytest.approx(PRODUCTION_ROWS, rel=0.01)


def test_counts_in_random_order_have_the_curve() -> None:
    """The closed form against a sequence: 20,000 rows with counts from 1 to 500, shuffled."""
    random = np.random.default_rng(1)
    counts = np.minimum(500, np.floor(random.pareto(0.9, 20_000)) + 1).astype(int)
    ids = random.permutation(np.repeat(np.arange(len(counts)), counts))
    kinds, rows = np.unique(counts, return_counts=True)
    expected = reuse_curve(kinds.astype(float), kinds * rows / len(ids), len(ids))
    np.testing.assert_allclose(curve_of(ids), expected, atol=0.01)


@pytest.mark.parametrize("exponent", [0.6, 1.0, 1.05, 1.3])
def test_the_exponent_of_zipf_is_found_again(exponent: float) -> None:
    ranks = Zipf(2000, exponent, np.random.default_rng(2)).take(200_000)
    assert exponent_of(np.bincount(ranks, minlength=2001)[1:]) == pytest.approx(exponent, abs=0.01)


def test_a_made_trace_has_the_curve_of_production() -> None:
    assert made_gap(production_curve(), 1_000_000, 100_000) < 0.01


def test_production_has_the_popularity_and_the_reuse_of_its_source() -> None:
    """A tenth of the source's table and requests: rows by how often they came, and a tenth of its distances."""
    rows, requests = PRODUCTION_ROWS // PRODUCTION_TABLES // 10, PRODUCTION_REQUESTS // PRODUCTION_TABLES // 10
    drawn = Production(rows, np.random.default_rng(3)).take(requests)
    assert drawn.min() == 0
    assert rows * 0.99 < drawn.max() < rows
    counts, shares = classes_of(PRODUCTION_SHARES)
    seen = np.sort(np.bincount(drawn, minlength=rows))[::-1]
    # Rows of more than 64 requests come often enough to be told from their neighbours.
    for least in (64, 512, 4096):
        expected = shares[counts > least].sum()
        hottest = round(float((shares / counts)[counts > least].sum() * requests))
        assert seen[:hottest].sum() / requests == pytest.approx(expected, abs=0.02)
    distances = (10.0, 100.0, 1_000.0, 10_000.0)
    expected = production_curve([10 * distance for distance in distances])
    np.testing.assert_allclose(curve_of(drawn, distances), expected, atol=0.03)


@pytest.mark.parametrize("rows", [1, 2, 3, 20, 1000])
def test_production_of_a_small_table_asks_for_all_rows(rows: int) -> None:
    drawn = Production(rows, np.random.default_rng(4)).take(300_000)
    assert len(np.unique(drawn)) == rows
    counted = np.bincount(drawn, minlength=rows)
    assert counted[0] >= counted[-1]


def test_the_page_shows_the_table() -> None:
    """docs/traces.md: every line whose data are at hand, digit by digit."""
    page = (ROOT / "docs" / "traces.md").read_text("utf-8")
    shown = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.count("|") == 10]
    heads = [float(cell.replace(",", "")) for cell in shown[0][3:-1]]
    lines = {cells[0].removesuffix(" (the default)"): cells[1:] for cells in shown[2:]}
    assert len(lines) == 4
    found = table()
    assert {row.name for row in found} <= set(lines)
    for row in found:
        shares = [f"{100 * row.curve[DISTANCES.index(head)]:.2f}%" for head in heads]
        assert lines[row.name] == [f"{row.requests:,}", f"{row.rows:,}", *shares, f"{row.exponent:.2f}"]
        assert row.gap < 0.0015


@pytest.mark.skipif(not DATA.is_dir(), reason="needs ../shared/data")
def test_a_made_trace_has_the_curve_of_real_sequences() -> None:
    for sequence in sequences():
        ids = sequence.ids[:60_000]
        rows = int(ids.max()) + 1
        assert made_gap(curve_of(ids), rows, 60_000) < 0.02, sequence.name
