"""Circuits whose price a file of the user's own computes: which file `model: my_adc.py` means, and whether it may run.

A hardware file is data and may come from anywhere. Code that it names runs only where the caller says so
(`--allow-code`, `allow_code=True`), and only from the folder of the file that names it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pimsim.errors import InputError, Place, printable
from pimsim.hardware.circuit import Circuit
from pimsim.hardware.schema import Hardware
from pimsim.hardware.suggest import nearest

SUFFIX = ".py"
M = TypeVar("M", bound=BaseModel)


def bind_models(hardware: Hardware, folder: Path, places: Mapping[str, Place], allow_code: bool) -> Hardware:
    """`hardware` with every `model: FILE.py` as the absolute path of that file in `folder` or below it; names of
    installed components stay names. Raises InputError, one line a circuit, for code that is not allowed, leaves the
    folder or is not there."""
    problems: list[str] = []
    update: dict[str, str] = {}
    for path, circuit in circuits(hardware):
        if circuit.model is None or not circuit.model.endswith(SUFFIX):
            continue
        key = f"{path}.model"
        try:
            update[path] = str(_file(circuit.model, folder, allow_code))
        except InputError as error:
            place = places.get(key)
            problems.append(f"{place}: {key}: {error}" if place else f"{key}: {error}")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    for path, file in update.items():
        hardware = _replaced(hardware, path.split("."), file)
    return hardware


def circuits(section: BaseModel, path: str = "") -> Iterator[tuple[str, Circuit]]:
    """(dotted path, circuit) of every circuit in a section, outer ones first."""
    if isinstance(section, Circuit):
        yield path, section
    for name in type(section).model_fields:
        below = getattr(section, name)
        if isinstance(below, BaseModel):
            yield from circuits(below, f"{path}.{name}" if path else name)


def _file(model: str, folder: Path, allow_code: bool) -> Path:
    shown = printable(model, 100)
    if not allow_code:
        raise InputError(
            f"'{shown}' is Python code, which runs with your rights; read it, then say --allow-code (in Python: "
            "load_hardware(..., allow_code=True))"
        )
    root = folder.resolve()
    asked = root / model
    if "\0" in model or ".." in model.replace("\\", "/").split("/") or not _inside(asked, root):
        raise InputError(f"'{shown}' is not in the folder of the hardware file; give a file there or below it")
    if not asked.is_file():
        near = nearest(asked.name, sorted(name for name in os.listdir(root) if name.endswith(SUFFIX))[:200])
        meant = f"; did you mean '{printable(near, 60)}'?" if near else ""
        raise InputError(f"no file '{shown}' in the folder of the hardware file{meant}")
    return asked.resolve()


def _inside(path: Path, root: Path) -> bool:
    try:
        return path.resolve().is_relative_to(root)
    except (OSError, ValueError):
        return False  # a name that the file system cannot hold


def _replaced(section: M, path: list[str], file: str) -> M:
    if not path:
        return section.model_copy(update={"model": file})
    below = getattr(section, path[0])
    return section.model_copy(update={path[0]: _replaced(below, path[1:], file)})
