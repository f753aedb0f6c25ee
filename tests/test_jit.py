"""Does pimsim know which kernels are compiled already, one by one?"""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from pimsim import jit


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A file with two kernels, and an empty disk cache."""
    monkeypatch.setattr(jit, "_writable", lambda beside: tmp_path)
    file = tmp_path / "two_kernels.py"
    lines = ("def one(x):", "    return x + 1.0", "def other(x):", "    return one(x) + 1.0")
    file.write_text("\n".join(lines) + "\n")
    spec = importlib.util.spec_from_file_location("two_kernels", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_kernel_says_nothing_of_its_neighbour(pair: ModuleType) -> None:
    """They share the folder of the disk cache, which the text of their file names."""
    assert not jit.is_ready(pair.one)
    assert jit.compiled(pair.one)(1.0) == 2.0
    assert jit.is_loaded(pair.one)
    assert jit.on_disk(pair.one)
    assert not jit.is_loaded(pair.other)
    assert not jit.is_ready(pair.other)


def test_a_short_loop_stays_plain_until_its_kernel_is_there(pair: ModuleType) -> None:
    assert jit.suited(jit.WORTH_COMPILING, pair.one) is pair.one
    fast = jit.suited(jit.WORTH_COMPILING + 1, pair.one)
    assert fast is not pair.one
    assert jit.suited(1, pair.one) is fast


def test_a_kernel_that_is_compiled_by_itself_is_called(pair: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jit, "_CALLED", {})
    jit.calls_compiled(pair.one)
    assert jit.compiled(pair.other, pair.one)(1.0) == 3.0
    assert jit.is_loaded(pair.one)
