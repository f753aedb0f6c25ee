"""The hardware files that come with the package, and the way from a name or path to a file."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

from pimsim.data_files import data_folder
from pimsim.errors import InputError, Place, printable
from pimsim.hardware.suggest import nearest
from pimsim.hardware.yaml_source import Mapping, Scalar, parse_mapping, read_text

SUFFIXES = (".yaml", ".yml")
FOLDER = "hwconfigs"


def shipped_files() -> dict[str, Path]:
    """Name -> file of every shipped configuration, sorted by name."""
    return {path.stem: path for path in sorted(data_folder(FOLDER).iterdir()) if path.suffix == ".yaml"}


def shipped_configs() -> list[tuple[str, str]]:
    """(name, one-line description) of every shipped configuration, sorted by name."""
    return [(name, _description(path)) for name, path in shipped_files().items()]


def shipped_file(name: str) -> Path | None:
    """The shipped file meant by `reram_128`, `reram_128.yaml` or `hwconfigs/reram_128.yaml`; None if there is none."""
    parts = name.replace(os.sep, "/").removeprefix("./").removeprefix(FOLDER + "/")
    return shipped_files().get(parts.removesuffix(".yaml"))


def find_hardware(name_or_path: str | os.PathLike[str]) -> Path:
    """The hardware file meant: an existing path wins, then a shipped name.

    Raises InputError naming the nearest shipped configuration when there is neither.
    """
    asked = os.fspath(name_or_path)
    if not isinstance(asked, str) or not asked or "\0" in asked:
        raise InputError(f"hardware must be a file or the name of a shipped one; got '{printable(asked)}'")
    path = Path(asked)
    if _is_there(path) and not (path.is_dir() and shipped_file(asked)):
        return path
    if shipped := shipped_file(asked):
        return shipped
    names = list(shipped_files())
    near = nearest(path.name.removesuffix(".yaml").removesuffix(".yml"), names)
    meant = f"; did you mean '{near}'?" if near else f"; shipped: {', '.join(names)}"
    raise InputError(
        f"no hardware file '{printable(asked)}', and none of that name is shipped{meant} ('pimsim configs' lists them)"
    )


def shown_path(path: Path) -> str:
    """The path as messages show it: relative when below the current folder."""
    if path.is_absolute():
        try:
            relative = path.relative_to(Path.cwd())
        except (ValueError, OSError):
            return str(path)
        return str(relative) if relative.parts else str(path)
    return str(path)


def find_base(name: str, extending: Path, place: Place) -> Path:
    """The file that `extends: name` in the file `extending` means: one in its folder or below, or a shipped one.

    Raises InputError at `place` for anything outside, and for a name that is nowhere.
    """
    shown = printable(name, 100)
    posix = name.replace("\\", "/")
    if not name or "\0" in name or posix.startswith(("/", "~")) or ":" in posix or ".." in posix.split("/"):
        rule = "a shipped name, or a file in this file's own folder or below it"
        raise InputError(f"extends: '{shown}' is not allowed; give {rule}", place)
    folder, shipped = extending.parent, shipped_file(name)
    for candidate in (name, *(name + suffix for suffix in SUFFIXES)):
        path = folder / candidate
        if not _is_there(path) or path.is_dir():
            continue
        # A changed copy of a shipped file, under the same name, extends the shipped one.
        if shipped is None or shipped.samefile(path) or not path.samefile(extending):
            if not path.resolve().is_relative_to(folder.resolve()):
                raise InputError(f"extends: '{shown}' is a link that leaves the folder of this file", place)
            return path
    if shipped is not None:
        return shipped
    near = nearest(Path(name).name.removesuffix(".yaml"), [*shipped_files(), *_siblings(folder)])
    meant = f"; did you mean '{near}'?" if near else ""
    raise InputError(f"extends: '{shown}' is neither in '{printable(shown_path(folder))}' nor shipped{meant}", place)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False  # a name that the file system cannot hold (too long, half a character)


def _siblings(folder: Path) -> list[str]:
    """At most 200 YAML files of a folder, for suggestions."""
    try:
        with os.scandir(folder) as entries:
            return [e.name for e in itertools.islice(entries, 2000) if e.name.endswith(SUFFIXES)][:200]
    except OSError:
        return []  # a folder that may be entered but not listed: no suggestion then


def _description(path: Path) -> str:
    """The `description` of a shipped file (its own; nothing is resolved or validated)."""
    tree: Mapping = parse_mapping(read_text(path, path.name), path.name)
    entry = tree.entries.get("description")
    if entry is None or not isinstance(entry.node, Scalar) or not isinstance(entry.node.value, str):
        return ""
    return " ".join(entry.node.value.split())
