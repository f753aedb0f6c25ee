"""Is a file either whole or absent, whatever happens?"""

from __future__ import annotations

import os
import stat

import pytest

from pimsim.errors import InputError
from pimsim.report.atomic import check_target, write_atomic


def test_text_and_bytes_are_written(tmp_path):
    write_atomic(tmp_path / "a.txt", "mm\u00b2\n")
    write_atomic(tmp_path / "b.bin", b"\0\1")
    assert (tmp_path / "a.txt").read_text("utf-8") == "mm\u00b2\n"
    assert (tmp_path / "b.bin").read_bytes() == b"\0\1"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.txt", "b.bin"]


def test_half_a_surrogate_pair_does_not_stop_the_writing(tmp_path):
    write_atomic(tmp_path / "a.txt", "x\ud800")
    assert (tmp_path / "a.txt").read_text() == "x\\ud800"


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    target = tmp_path / "a.txt"
    target.write_text("old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match=r"cannot write .*a\.txt: No space left on device"):
        write_atomic(target, "new")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_interruption_leaves_nothing(tmp_path, monkeypatch):
    def interrupt(handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(tmp_path / "a.txt", "new")
    assert list(tmp_path.iterdir()) == []


def test_a_link_keeps_pointing_and_the_mode_is_kept(tmp_path):
    real, link = tmp_path / "real.txt", tmp_path / "link.txt"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_atomic(link, "new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


def test_a_new_file_gets_the_usual_mode(tmp_path):
    plain = tmp_path / "plain.txt"
    plain.write_text("")
    write_atomic(tmp_path / "a.txt", "")
    assert (tmp_path / "a.txt").stat().st_mode == plain.stat().st_mode


def test_a_device_is_written_to_not_replaced():
    write_atomic(os.devnull, "x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


def test_targets_are_refused_before_any_work(tmp_path):
    with pytest.raises(InputError, match=r"--out: .* is a folder; give the name of a file"):
        check_target(tmp_path, "--out")
    with pytest.raises(InputError, match=r"--out: folder .*absent does not exist; create it first"):
        check_target(tmp_path / "absent" / "x.json", "--out")
    with pytest.raises(InputError, match=r"--out: .* is not a usable file name"):
        check_target("a\0b", "--out")
    with pytest.raises(InputError, match=r"--out: .* is not a usable file name"):
        check_target(tmp_path / ("x" * 5000), "--out")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="cannot be written \\(permission denied\\)"):
            check_target(tmp_path / "x", "--out")
    finally:
        tmp_path.chmod(0o700)
