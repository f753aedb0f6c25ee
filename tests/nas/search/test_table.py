"""Does the table keep every score, beside those of other searches, and refuse what is no table?"""

import numpy as np
import pytest

from nas.search.table import ScoreTable
from nas.spaces.architecture import Architecture
from nas.spaces.nasrec import Space
from pimsim.errors import InputError

SPACE = Space.full(blocks=2, dense_widths=(8, 16), sparse_widths=(4, 8))
ONE, TWO = (SPACE.sample(np.random.default_rng(seed)) for seed in range(2))


def test_rows_come_back(tmp_path):
    table = ScoreTable(tmp_path / "scored.parquet")
    table.add([table.row("s", ONE, {"auc": 0.7, "gauc": None, "logloss": 0.5, "seconds": 0.1})])
    again = ScoreTable(tmp_path / "scored.parquet")
    row = again.get("s", ONE)
    assert (row["auc"], row["gauc"], row["logloss"]) == (0.7, None, 0.5)
    assert Architecture.from_json(row["architecture"]) == ONE
    assert again.get("other", ONE) is None
    assert again.get("s", TWO) is None


def test_two_searches_share_a_file_and_the_first_score_stays(tmp_path):
    mine, other = (ScoreTable(tmp_path / "scored.parquet") for _ in range(2))
    mine.add([mine.row("s", ONE, {"auc": 0.7})])
    other.add([other.row("s", ONE, {"auc": 0.1}), other.row("s", TWO, {"auc": 0.2})])
    assert [row["auc"] for row in ScoreTable(tmp_path / "scored.parquet").rows()] == [0.7, 0.2]


def test_what_is_no_table_is_named(tmp_path):
    (tmp_path / "bad.parquet").write_text("no")
    with pytest.raises(InputError, match=r"bad\.parquet is not a table of scored networks"):
        ScoreTable(tmp_path / "bad.parquet")
    with pytest.raises(InputError, match=r"must end in \.parquet"):
        ScoreTable(tmp_path / "bad.csv")
    import pyarrow as pa
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"auc": [0.5]}), tmp_path / "other.parquet")
    with pytest.raises(InputError, match=r"not a table of scored networks: it has no column scorer"):
        ScoreTable(tmp_path / "other.parquet")
