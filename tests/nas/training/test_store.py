"""Does the store of runs keep whole records, count looks, and stand several writers?"""

import sqlite3
import threading

import pytest

from nas.training.store import FILE, RunStore
from pimsim.errors import InputError

CONFIG = {"model": {"name": "fm"}, "training": {"seed": 1}}
HASHES = {"training": "a", "validation": "b", "test": "c"}


@pytest.fixture
def store(tmp_path):
    return RunStore(tmp_path / "runs")


def begin(store, name=""):
    return store.begin("train", "fm", CONFIG, HASHES, {"torch": "2"}, name)


def test_a_run_from_start_to_end(store):
    run = begin(store, "first")
    assert (store.get(run).state, store.get(run).looks) == ("running", 0)
    store.add_history(run, 10, {"auc": 0.6})
    store.add_history(run, 20, {"auc": 0.7})
    store.add_history(run, 20, {"auc": 0.8})  # a resumed run passes a step again
    store.set_state(run, "done", {"auc": 0.8})
    record = RunStore(store.folder, create=False).get(run)
    assert (record.state, record.name, record.config, record.hashes) == ("done", "first", CONFIG, HASHES)
    assert record.result == {"auc": 0.8}
    assert store.history(run) == [{"step": 10, "auc": 0.6}, {"step": 20, "auc": 0.8}]


def test_looks_at_test_are_counted_for_each_run(store):
    one, two = begin(store), begin(store)
    assert [store.add_look(one, "test"), store.add_look(one, "test"), store.add_look(two, "test")] == [1, 2, 1]
    store.add_look(one, "validation")
    store.fill_look(one, "test", {"auc": 0.75})
    assert [record.looks for record in store.runs()] == [2, 1]
    figures = [look.get("auc") for look in store.looks(one)]
    assert figures == [None, 0.75, None]  # the first look counts although it was never filled


def test_a_broken_change_leaves_the_record_as_it_was(store):
    run = begin(store)
    with pytest.raises(ValueError, match="Out of range float"):
        store.set_state(run, "done", {"auc": float("nan")})
    assert store.get(run).state == "running"


def test_many_writers_at_once(store):
    def write():
        own = RunStore(store.folder)
        for step in range(10):
            own.add_history(begin(own), step, {"auc": 0.5})

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [record.id for record in store.runs()] == list(range(1, 41))


def test_errors_name_the_store(store, tmp_path):
    with pytest.raises(InputError, match=r"there is no run 3 in .*runs: it holds no runs"):
        store.get(3)
    begin(store)
    with pytest.raises(InputError, match=r"there is no run 3 in .*runs: it holds 1 runs, the last is 1"):
        store.add_look(3, "test")
    with pytest.raises(InputError, match=rf"there is no run store in .*nowhere \(no {FILE}\)"):
        RunStore(tmp_path / "nowhere", create=False)
    (tmp_path / FILE).write_bytes(b"no database at all, but long enough to be read as one" * 40)
    with pytest.raises(InputError, match=r"run store .*: file is not a database"):
        RunStore(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot make the run store"):
        RunStore(tmp_path / "file" / "runs")


def test_a_store_of_another_version_is_refused(store):
    with sqlite3.connect(store.path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(InputError, match="is a run store of version 99; this is 1"):
        RunStore(store.folder)
