"""Does every public file format come out with the fields that its lines hold?"""

import gzip
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nas.data.batch import Split
from nas.data.prepare import prepared
from nas.data.spec import load_spec, shipped_specs
from nas.data.test_split import open_test

from .conftest import Write


def every_split(source: str | Path, root: Path, **options: object) -> list[Split]:
    folder = root.parent / "prepared"
    splits = prepared(source, root, folder, **options)  # type: ignore[arg-type]
    return [splits.train, splits.validation, open_test(folder, run="test").split]


def joined(splits: list[Split], part: str) -> np.ndarray:
    return np.concatenate([getattr(split, part) for split in splits])


def column(splits: list[Split], name: str) -> np.ndarray:
    schema = splits[0].schema
    if name in schema.dense:
        return joined(splits, "dense")[:, schema.dense.index(name)]
    place = [field.name for field in schema.sparse].index(name)
    return joined(splits, "sparse")[:, schema.columns[place]].squeeze()


def test_every_shipped_spec_loads_and_keeps_its_label_out() -> None:
    assert len(shipped_specs()) >= 15
    for name in shipped_specs():
        spec = load_spec(name)
        assert spec.name == name
        assert spec.about
        fields = {*spec.dense_columns(), *spec.sparse_columns()}
        assert spec.label.column not in fields
        assert not fields & set(spec.never)


def criteo_line(i: int) -> str:
    numbers = [str(i * j) if (i + j) % 5 else "" for j in range(13)]
    return "\t".join([str(i % 2), *numbers, *[f"{i % 7:08x}"] * 26])


CRITEO = [criteo_line(i) for i in range(200)]


def test_criteo_kaggle(write: Write) -> None:
    splits = every_split("criteo", write("train.txt", CRITEO))
    assert (len(splits[0].schema.dense), len(splits[0].schema.sparse)) == (13, 26)
    assert sum(split.size for split in splits) == 200
    assert joined(splits, "labels").sum() == 100
    wanted = sorted(np.log1p(i * 2) if (i + 2) % 5 else 0.0 for i in range(200))
    assert np.sort(column(splits, "I3")) == pytest.approx(wanted, rel=1e-6)
    assert set(column(splits, "C1")) == set(range(1, 8)), "seven ids, each seen often"


def test_criteo_terabyte_is_split_and_sharded_by_file(write: Write) -> None:
    for day in range(24):
        root = write(f"day_{day}", CRITEO[: day + 2])
    splits = every_split("criteo_terabyte", root)
    assert [split.size for split in splits] == [sum(day + 2 for day in range(22)), 24, 25]
    assert splits[0].schema.sparse[0].rows == 10_000_000
    assert list(splits[0].shards()) == list(range(22))
    assert len(splits[0].shards()[10]) == 12
    assert len(set(column(splits, "C5"))) == 7


def test_avazu(write: Write) -> None:
    names = ("id,click,hour,C1,banner_pos,site_id,site_domain,site_category,app_id,app_domain,app_category,device_id,"
             "device_ip,device_model,device_type,device_conn_type,C14,C15,C16,C17,C18,C19,C20,C21")  # fmt: skip
    lines = [
        names,
        *(
            f"{i},{i % 2},141021{i % 24:02d},1005,{i % 3}," + ",".join("abcdefgh") + ",1,2" + ",9" * 9
            for i in range(960)
        ),
    ]
    assert all(line.count(",") == names.count(",") for line in lines)
    splits = every_split("avazu", write("train.csv", lines))
    assert (len(splits[0].schema.dense), len(splits[0].schema.sparse)) == (1, 23), "as the published networks have them"
    assert set(joined(splits, "dates")) == {20141021}
    assert len(set(column(splits, "day_part"))) == 24
    assert len(set(column(splits, "weekday"))) == 1


def test_kdd_cup_with_profiles_and_words(write: Write) -> None:
    lines = [
        f"{i % 3},{3 + i % 2},u{i % 4},a{i % 5},v{i % 2},2,{1 + i % 2},q{i % 6},k,t,d,{i % 10}" for i in range(120)
    ]
    root = write("training.txt", [line.replace(",", "\t") for line in lines])
    write("userid_profile.txt", [f"{user}\t{user % 3}\t{user % 6}" for user in range(9)])
    write(
        "queryid_tokensid.txt",
        [f"q{query}\t" + "|".join(str(10 + word) for word in range(query + 1)) for query in range(6)],
    )
    for name, key in (("purchasedkeywordid", "k"), ("titleid", "t"), ("descriptionid", "d")):
        write(f"{name}_tokensid.txt", [f"{key}\t7|8"])
    splits = every_split("kdd12_tokens", root)
    schema = splits[0].schema
    assert schema.dense == ("impression", "depth", "position")
    assert [field.name for field in schema.sparse[:10]] == [
        "display_url", "ad", "advertiser", "query", "keyword", "title", "description", "user", "gender", "age",
    ]  # fmt: skip
    assert joined(splits, "labels").sum() == 80, "clicked at all"
    words = column(splits, "query_words")
    assert sorted(set((words > 0).sum(1))) == [1, 2, 3, 4, 5, 6]
    assert words.shape == (120, 16)
    gender = column(splits, "gender")
    assert len(set(gender)) == 4, "three genders, and user 9 who has no profile"


RATINGS = [
    (user, movie, 0.5 * ((user + movie) % 10 + 1), 1_000_000_000 + 3600 * ((movie * 5) % 17))
    for user in range(1, 6)
    for movie in range(1, 21)
]


@pytest.mark.parametrize("header", ["userId,movieId,rating,timestamp", "user_id,item_id,rating,timestamp",
                                    "user_id:token,item_id:token,rating:float,timestamp:float"])  # fmt: skip
def test_movielens_csv_with_either_header(write: Write, header: str) -> None:
    root = write("ratings.csv", [header, *(f"{u},{m},{r},{t}" for u, m, r, t in RATINGS)])
    first = header.split(",")[1]
    write(
        "movies.csv",
        [f"{first},title,genres", *(f'{m},"A, film ({1980 + m})",Drama|Film{m % 2}' for m in range(1, 21))],
    )
    _check_movielens(every_split("movielens", root))


def test_movielens_dat(write: Write) -> None:
    root = write("ratings.dat", [f"{u}::{m}::{r}::{t}" for u, m, r, t in RATINGS])
    write("movies.dat", [f"{m}::Amélie ({1980 + m})::Drama|Film{m % 2}" for m in range(1, 21)], "latin-1")
    _check_movielens(every_split("movielens_dat", root))


def _check_movielens(splits: list[Split]) -> None:
    assert [split.size for split in splits] == [80, 10, 10]
    assert joined(splits, "labels").sum() == sum(rating >= 4 for _, _, rating, _ in RATINGS)
    for split, count in zip(splits, (16, 2, 2), strict=True):
        assert np.unique(split.groups, return_counts=True)[1].tolist() == [count] * 5, "every user in every split"
    genres = column(splits, "genres")
    assert genres.shape == (100, 8)
    assert set((genres > 0).sum(1)) == {2}
    assert len(set(np.round(column(splits, "year"), 4))) == 20
    assert set(joined(splits, "dates")) == {20010909}


def test_per_user_order_breaks_ties_by_movie(write: Write) -> None:
    """Ten ratings at one second: the movies with the two highest numbers are validation and test."""
    root = write(
        "ratings.csv",
        ["userId,movieId,rating,timestamp", *(f"1,{m},5,1000000000" for m in (7, 2, 9, 1, 10, 4, 3, 8, 6, 5))],
    )
    write("movies.csv", ["movieId,title,genres", *(f"{m},F ({2000 + m}),G" for m in range(1, 11))])
    splits = every_split("movielens", root)
    years = [split.dense[:, 0] for split in splits]
    assert years[2] > years[1] > years[0].max()


def test_kuairand_in_its_original_csv_files(write: Write) -> None:
    names = load_spec("kuairand").never
    names = ("user_id", "video_id", "hourmin", "duration_ms", "tab", *names)
    for part, start in (("4_08_to_4_21", 0), ("4_22_to_5_08", 50)):
        rows = []
        for i in range(start, start + 50):
            cells = dict.fromkeys(names, 0) | {"user_id": i % 5, "video_id": i % 7, "date": 20220425, "is_click": i % 2}
            cells |= {"hourmin": i % 24 * 100 + 30, "time_ms": 9_000 - i, "duration_ms": 1000 + i, "tab": i % 3}
            rows.append(",".join(str(cells[name]) for name in names))
        root = write(f"data/log_standard_{part}_pure.csv", [",".join(names), *rows])
    user = load_user_columns()
    write(
        "data/user_features_pure.csv",
        [",".join(user), *(",".join([str(u), *["1"] * (len(user) - 1)]) for u in range(5))],
    )
    video = (
        "video_id,author_id,video_type,upload_dt,upload_type,visible_status,video_duration,server_width,"
        "server_height,music_id,music_type,tag"
    )
    write(
        "data/video_features_basic_pure.csv",
        [video, *(f'{v},3,NORMAL,2022-04-2{v % 4},Web,0.0,9.0,720.0,1280.0,5,9.0,"3,{v}"' for v in range(6))],
    )
    splits = every_split("kuairand", root)
    assert [split.size for split in splits] == [72, 8, 20]
    assert np.all(np.diff(np.concatenate([split.dense[:, 0] for split in splits])) < 0), "by time, which runs backwards"
    assert set((column(splits, "tag") > 0).sum(1)) == {0, 2}, "video 6 is not in the table"
    names_used = {*splits[0].schema.dense, *(field.name for field in splits[0].schema.sparse)}
    assert not names_used & {"is_like", "long_view", "play_time_ms", "time_ms", "date", "is_rand", "is_click"}


def load_user_columns() -> list[str]:
    ranges = [f"{kind}_user_num{tail}" for kind in ("follow", "fans", "friend") for tail in ("", "_range")]
    return ["user_id", "user_active_degree", "is_lowactive_period", "is_live_streamer", "is_video_author", *ranges,
            "register_days", "register_days_range", *(f"onehot_feat{i}" for i in range(18))]  # fmt: skip


def test_adult_as_uci_publishes_it(write: Write) -> None:
    line = "{}, Private, 77516, Bachelors, {}, Never-married, Sales, Husband, White, Male, {}, 0, 40, {}, {}"
    countries = ("?", "Cuba")
    root = write(
        "adult.data",
        [*(line.format(20 + i, i % 9, i * 100, countries[i % 2], (">50K", "<=50K")[i % 2]) for i in range(60)), ""],
    )
    write(
        "adult.test",
        ["|1x3 Cross validator", *(line.format(30, 5, 0, "Peru", (">50K.", "<=50K.")[i % 2]) for i in range(10))],
    )
    splits = every_split("adult", root)
    assert splits[0].size + splits[1].size == 60
    assert splits[2].size == 10
    assert joined(splits, "labels").sum() == 35
    assert set(splits[2].sparse[:, 6]) == {0}, "Peru was not seen in training"
    assert not {"fnlwgt", "education"} & {field.name for field in splits[0].schema.sparse}


def test_census_as_uci_publishes_it(write: Write) -> None:
    spec = load_spec("census_uci")
    cells = dict.fromkeys(spec.csv.columns, "Nowhere") | dict.fromkeys(spec.dense_columns(), "0")
    for name, size in (("census-income.data", 40), ("census-income.test", 10)):
        rows = []
        for i in range(size):
            cells |= {"age": str(20 + i), "label": ("- 50000.", "50000+.")[i % 2], "year": "94"}
            rows.append(", ".join(cells[column] for column in spec.csv.columns))
        root = write(name, rows)
    splits = every_split("census_uci", root)
    assert splits[2].size == 10
    assert joined(splits, "labels").sum() == 25
    assert (len(splits[0].schema.dense), len(splits[0].schema.sparse)) == (7, 32 + 7)


def test_hotel_csv_with_padded_texts(write: Write) -> None:
    spec = load_spec("hotel")
    names = [n for n in spec.used_columns() if n not in {step.name for step in spec.derive}]
    names += ["ReservationStatus"]
    rows = []
    for i in range(50):
        values = dict.fromkeys(names, "1") | {
            "IsCanceled": str(i % 2),
            "ArrivalDateYear": "2016",
            "ArrivalDateMonth": "February",
        }
        values |= {"ArrivalDateDayOfMonth": str(i % 29 + 1), "Meal": ("BB       ", "BB")[i % 2], "LeadTime": str(3 * i)}
        rows.append(",".join(values[name] for name in names))
    splits = every_split("hotel", write("hotel_bookings.csv", [",".join(names), *rows]))
    assert [split.size for split in splits] == [35, 5, 10]
    assert set(column(splits, "Meal")) == {1}, "blanks are no part of a text"
    dates = joined(splits, "dates")
    assert np.all(np.diff(dates) >= 0)
    assert dates[-1] == 20160229
    order = sorted(range(50), key=lambda i: i % 29)
    booked = [(date(2016, 2, i % 29 + 1) - timedelta(days=3 * i)).month for i in order]
    pairs = set(zip(booked[:35], column(splits, "booking_month")[:35].tolist(), strict=True))
    assert len(pairs) == len(set(booked[:35])) > 3, "one id a month"


@pytest.mark.parametrize("name", ["frappe", "libfm"])
def test_libfm(write: Write, name: str) -> None:
    def lines(size: int, first: int) -> list[str]:
        return [
            f"{1 if i % 2 else -1} " + " ".join(f"{10 * j + (i + j) % 3}:1" for j in range(10))
            for i in range(first, first + size)
        ]

    root = write("train.libfm", lines(60, 0))
    write("validation.libfm", lines(20, 60))
    write("test.libfm", [*lines(20, 80), ""])
    splits = every_split(name, root)
    assert [split.size for split in splits] == [60, 20, 20]
    assert joined(splits, "labels").sum() == 50
    if name == "frappe":
        assert [field.rows for field in splits[0].schema.sparse] == [4] * 10
    else:
        (features,) = splits[0].schema.sparse
        assert (features.rows, features.pooling, features.length) == (32, "sum", 64)
        assert set((column(splits, "features") > 0).sum(1)) == {10}


def test_libfm_numbers_of_listed_indices(write: Write, tmp_path: Path) -> None:
    root = write("a.txt", [f"{i % 2} {i % 4}:1 100:{i / 2} {10 + i % 2}:1.0" for i in range(100)])
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nfiles: [a.txt]\nformat: libfm\nlibfm: {dense: [100, 101]}\nlabel: {column: label}\n"
        "dense: [{columns: [x100, x101], missing: -1.0}]\n"
        'sparse: [{columns: [features], separator: " ", pooling: sum, length: 3}]\n'
    )
    splits = every_split(mine, root)
    assert sorted(column(splits, "x100")) == [i / 2 for i in range(100)]
    assert set(column(splits, "x101")) == {-1.0}
    assert set((column(splits, "features") > 0).sum(1)) == {2}


def test_parquet_with_list_columns_and_a_spec_of_ones_own(tmp_path: Path) -> None:
    size = 90
    table = pa.table({
        "liked": [i % 3 == 0 for i in range(size)],
        "price": pa.array([None if i % 9 == 0 else float(i) for i in range(size)]),
        "words": pa.array([[f"w{j}" for j in range(i % 5)] if i % 7 else None for i in range(size)]),
        "codes": pa.array([i % 4 for i in range(size)], pa.int8()),
        "colour": pa.array([("red", "blue")[i % 2] for i in range(size)]).dictionary_encode(),
        "seen": pa.array([f"2024-03-{i % 28 + 1:02d} 12:00" for i in range(size)]),
    })  # fmt: skip
    (tmp_path / "raw").mkdir()
    pq.write_table(table, tmp_path / "raw" / "rows.parquet", row_group_size=20)
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nfiles: ['*.parquet']\nlabel: {column: liked}\n"
        "derive: [{name: day, of: [seen], time: '%Y-%m-%d %H:%M', part: date}]\n"
        "dense: [{columns: [price], transform: [standard], missing: 0.0}]\n"
        "sparse:\n- {columns: [codes, colour]}\n- {columns: [words], separator: list, pooling: sum, length: 3}\n"
        "split: {kind: dates, by: [day], validation: [20240327], test: [20240328]}\ndate: day\n"
    )
    splits = every_split(mine, tmp_path / "raw")
    assert [split.size for split in splits] == [84, 3, 3]
    assert joined(splits, "labels").sum() == 30
    assert set((column(splits, "words") > 0).sum(1)) == {0, 1, 2, 3}
    assert [field.rows for field in splits[0].schema.sparse] == [5, 3, 5], "the fourth word never counts"
    assert sorted(set(joined(splits, "dates")))[-1] == 20240328


def test_a_gzip_file_reads_as_the_plain_one(write: Write, tmp_path: Path) -> None:
    text = ("\n".join(CRITEO) + "\n").encode()
    (tmp_path / "zip" / "raw").mkdir(parents=True)
    (tmp_path / "zip" / "raw" / "train.txt.gz").write_bytes(gzip.compress(text))
    plain = every_split("criteo", write("train.txt", text))
    packed = every_split("criteo", tmp_path / "zip" / "raw")
    for one, two in zip(plain, packed, strict=True):
        assert np.array_equal(one.dense, two.dense)
        assert np.array_equal(one.sparse, two.sparse)


def test_parquet_columns_of_times_and_of_nothing(tmp_path: Path) -> None:
    """Times in any unit or zone are seconds to `epoch_s`; a column without a value is a missing one."""
    seconds = [1_709_251_200 + 3600 * hour for hour in range(48)]
    zoned = pa.array([value * 1_000_000 for value in seconds], pa.timestamp("us", "Asia/Tokyo"))
    days = pa.array(seconds, pa.timestamp("s")).cast(pa.date32(), safe=False)
    label = pa.array([i % 2 for i in range(48)], pa.int8())
    table = pa.table({"y": label, "at": zoned, "on": days, "none": pa.nulls(48)})
    (tmp_path / "raw").mkdir()
    pq.write_table(table, tmp_path / "raw" / "rows.parquet")
    mine = tmp_path / "mine.yaml"
    mine.write_text(
        "name: mine\nfiles: ['*.parquet']\nlabel: {column: y}\n"
        "derive:\n- {name: hour, of: [at], time: epoch_s, part: hour}\n"
        "- {name: day, of: [on], time: epoch_s, part: date}\n"
        "dense: [{columns: [hour]}]\nsparse: [{columns: [none]}]\ndate: day\n"
        "split: {kind: chronological, by: [at], shares: [0.5, 0.25, 0.25]}\n"
    )
    splits = every_split(mine, tmp_path / "raw")
    assert column(splits, "hour").tolist() == [*range(24)] * 2
    assert joined(splits, "dates").tolist() == [20240301] * 24 + [20240302] * 24
    assert set(column(splits, "none")) == {1}
