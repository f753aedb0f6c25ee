"""Are the reuse distances exact, and the statistics those of the requests?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.errors import InputError
from pimsim.jit import compiled
from pimsim.memory.traces import Header, TableShape, distances, open_trace, write_trace
from pimsim.memory.traces.distances import Distances
from pimsim.memory.traces.stat import trace_statistics


def by_hand(rows: list[int]) -> dict[int, int]:
    """Distance -> requests, from a list that is an LRU stack."""
    kept: list[int] = []
    found: dict[int, int] = {}
    for row in rows:
        if row in kept:
            distance = kept.index(row)
            found[distance] = found.get(distance, 0) + 1
            kept.remove(row)
        kept.insert(0, row)
    return found


ROW_LISTS = st.integers(1, 40).flatmap(
    lambda n: st.lists(st.integers(0, n).map(lambda r: r * 2**45 // 7), max_size=120)
)


@given(ROW_LISTS, st.integers(1, 50))
def test_distances_are_exact(rows: list[int], size: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(distances, "SMALLEST", 8)  # slots run out and the hash table grows
        measured = Distances()
        for begin in range(0, len(rows), size):
            measured.add(np.array(rows[begin : begin + size], dtype=np.int64))
    assert {d: int(n) for d, n in enumerate(measured.histogram) if n} == by_hand(rows)
    keys, counts = measured.row_counts()
    assert dict(zip(keys.tolist(), counts.tolist(), strict=True)) == {row: rows.count(row) for row in set(rows)}
    assert measured.unique == len(set(rows))


@given(ROW_LISTS)
def test_the_kernel_is_its_plain_lines(rows: list[int]) -> None:
    def arrays() -> list[np.ndarray]:
        keys, owner = np.full(16, -1, dtype=np.int64), np.full(16, -1, dtype=np.int32)
        slots, counts = np.zeros(16, dtype=np.int32), np.zeros(16, dtype=np.int64)
        tree, histogram, state = np.zeros(17, dtype=np.int32), np.zeros(16, dtype=np.int64), np.zeros(3, dtype=np.int64)
        return [keys, slots, counts, owner, tree, histogram, state]

    plain, fast = arrays(), arrays()
    asked = np.array(rows, dtype=np.int64)
    distances.measure(asked, *plain)
    compiled(distances.measure, *distances.HELPERS)(asked, *fast)
    assert all((a == b).all() for a, b in zip(plain, fast, strict=True))


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "SMALLEST", 8)
    monkeypatch.setattr(distances, "LARGEST_ROWS", 16)
    with pytest.raises(InputError, match="the trace has more than 16 different rows, too many to measure"):
        Distances().add(np.arange(100))


def test_statistics_of_a_trace_worked_out_by_hand(tmp_path: Path) -> None:
    """Rows a b a a c b: distances 1, 0, 2; a cache of 1 row serves 1 of 6, of 2 rows 2, of 3 rows 3."""
    header = Header(("bag", "table", "row", "write", "arrival_ns"), (TableShape("x", 9, 64), TableShape("y", 9, 128)))
    chunk = {
        "bag": np.array([0, 0, 1, 1, 4, 4]),
        "table": np.array([0, 1, 0, 0, 0, 1], dtype=np.int32),
        "row": np.array([3, 3, 3, 3, 5, 3]),
        "write": np.array([0, 1, 0, 0, 0, 0], dtype=np.uint8),
        "arrival_ns": np.array([10, 10, 20, 20, 70, 70]),
    }
    write_trace(
        tmp_path / "t.parquet", header, [{n: v[:3] for n, v in chunk.items()}, {n: v[3:] for n, v in chunk.items()}]
    )
    heard: list[tuple[int, int | None]] = []
    found = trace_statistics(open_trace(tmp_path / "t.parquet"), told=lambda done, total: heard.append((done, total)))
    assert heard == [(3, 6), (6, 6)]
    assert (found.requests, found.bags, found.writes, found.unique_rows, found.all_rows) == (6, 3, 1, 3, 18)
    assert found.unique_bytes == 64 + 64 + 128
    assert found.span_ns == 60
    assert found.reuse_distance == {"0.1": 0, "0.25": 0, "0.5": 1, "0.75": 2, "0.9": 2, "0.99": 2}
    assert found.by_table == {"x": 4, "y": 2}
    assert found.hit_curve == [(1, pytest.approx(1 / 6)), (2, pytest.approx(2 / 6)), (3, pytest.approx(3 / 6))]
    assert [share for _, share in found.popularity] == pytest.approx([3 / 6, 5 / 6, 1.0])
    assert found.hot_rows["0.1"] == pytest.approx(3 / 6), "at least one row"


def test_statistics_of_nothing_and_of_addresses(tmp_path: Path) -> None:
    write_trace(tmp_path / "t.txt", Header(("table", "row"), (TableShape("x", 9, 64),)), [])
    nothing = trace_statistics(open_trace(tmp_path / "t.txt"))
    assert (nothing.requests, nothing.unique_rows, nothing.hit_curve, nothing.reuse_distance["0.5"]) == (0, 0, [], None)
    (tmp_path / "a.txt").write_text("0x0 R\n0x3f R\n0x40 W\n0x0 R\n")
    lines = trace_statistics(open_trace(tmp_path / "a.txt"), line_bytes=64)
    assert (lines.unique_rows, lines.unique_bytes, lines.writes) == (2, 128, 1)
    assert lines.reuse_distance["0.5"] == 0
    assert trace_statistics(open_trace(tmp_path / "a.txt"), line_bytes=16).unique_rows == 3
