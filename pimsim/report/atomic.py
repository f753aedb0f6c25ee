"""Files that are either whole or absent: written beside their place under another name, then renamed."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from pimsim.errors import InputError, printable


def check_target(path: str | os.PathLike[str], option: str) -> Path:
    """`path` as a Path that can be written, asked before any work is done.

    Raises InputError (naming `option`) when it is a folder, or its folder is absent or not writable.
    """
    target = Path(path)
    shown = printable(target)
    try:
        if target.is_dir():
            raise InputError(f"{option}: {shown} is a folder; give the name of a file, e.g. {option} {shown}/result")
        with contextlib.suppress(FileNotFoundError, NotADirectoryError):
            os.lstat(target)  # raises for a name that the system cannot hold
        folder = target.parent
        if not folder.is_dir():
            raise InputError(f"{option}: folder {printable(folder)} does not exist; create it first")
        if not os.access(folder, os.W_OK) or (target.exists() and not os.access(target, os.W_OK)):
            raise InputError(f"{option}: {shown} cannot be written (permission denied)")
    except (OSError, ValueError) as fault:  # a name too long, a null byte
        raise InputError(f"{option}: {shown} is not a usable file name ({_reason(fault)})") from fault
    return target


def write_atomic(path: str | os.PathLike[str], content: str | bytes) -> None:
    """Write `content` (text as UTF-8) to `path`, whole or not at all; a symlink keeps pointing where it did.

    A device or pipe is written to directly, since it must not be replaced.
    Raises InputError when the system refuses (disk full, permission); nothing is left behind then.
    """
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    target = Path(os.path.realpath(path))
    try:
        if target.exists() and not stat.S_ISREG(target.stat().st_mode):
            target.write_bytes(data)
            return
        _replace(target, data)
    except OSError as fault:
        raise InputError(f"cannot write {printable(path)}: {_reason(fault)}") from fault


def _reason(fault: OSError | ValueError) -> str:
    return printable(getattr(fault, "strerror", None) or fault)


def _replace(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{os.urandom(8).hex()}.part")
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if mode is not None:
            os.chmod(draft, mode)
        os.replace(draft, target)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the rename durable where the system can open a folder (not on Windows)."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
