"""Do the shipped configurations load, by name, and say what the paper and its code say?"""

from pathlib import Path

import pytest

from nas.cli.options import CONFIGS, config_file
from nas.search.run import SearchRun, load_search_run
from nas.spaces.nasrec import Space
from nas.training.config import load_run
from nas.training.supernet import load_supernet_run
from pimsim.errors import InputError
from pimsim.hardware.load import load_hardware

NAMES = sorted(path.stem for path in CONFIGS.glob("*.yaml"))


def loaded(name):
    path = config_file(name)
    if name.endswith("supernet"):
        return load_supernet_run(path)
    return load_run(path) if name.endswith("train") else load_search_run(path, ["supernet=1"])


@pytest.mark.parametrize("name", NAMES)
def test_each_loads_by_its_name(name):
    run = loaded(name)
    part = "search" if isinstance(run, SearchRun) else type(run).__name__.removesuffix("Run").lower() or "train"
    assert part == ("search" if name.endswith("gradient") else name.rpartition("_")[2])
    if part == "search" and run.hw:
        assert load_hardware(run.hw).name == run.hw


def test_the_papers_setting():
    supernet, search, train = (loaded(f"nasrec_criteo_{part}") for part in ("supernet", "search", "train"))
    assert supernet.space.space() == Space.full()
    assert (supernet.supernet.strategy, supernet.supernet.full_steps, supernet.supernet.table_cap) == (
        "single-operator", 15_000, 500_000,
    )  # fmt: skip
    both = supernet.training, train.training
    assert [(run.optimizer, run.epochs, run.learning_rate, run.batch_size) for run in both] == [
        ("adagrad", 1, 0.12, 512), ("adagrad", 1, 0.16, 256),
    ]  # fmt: skip
    own = search.search
    assert (own.population, own.sample, own.children, own.generations, own.mutations) == (128, 64, 8, 240, 0)
    assert (search.scoring.steps, search.scoring.part, search.scoring.rows) == (500, "head", 150 * 8192)
    rows = 36_672_495
    assert [run.warmup_steps for run in both] == [rows // 512 // 10, rows // 256 // 10]


def test_a_file_wins_over_a_name_and_what_is_neither_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert config_file("nasrec_small_train.yaml") == CONFIGS / "nasrec_small_train.yaml"
    Path("nasrec_small_train").write_text("")
    assert config_file("nasrec_small_train") == Path("nasrec_small_train")
    assert config_file(None) is None
    with pytest.raises(InputError, match="of that name is shipped; did you mean 'nasrec_small_search'"):
        config_file("nasrec_small_serch")


def test_a_command_takes_the_name(fails):
    assert "cannot read top/1.json" in fails("train", "--config", "nasrec_small_train")
    assert "shipped: nasrec_criteo_search" in fails("search", "--config", "xyz")
