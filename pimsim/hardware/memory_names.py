"""Whether the memories that a hardware file names are shipped; what is in their files is `pimsim.memory`'s."""

from __future__ import annotations

from collections.abc import Mapping

from pimsim.data_files import data_folder
from pimsim.errors import InputError, Place, printable
from pimsim.hardware.library import FOLDER
from pimsim.hardware.schema import Hardware
from pimsim.hardware.suggest import nearest

KINDS = {"device": ("memory", "memory"), "near": ("memory/near", "near memory")}
"""Key in `memory.banks` -> folder of hwconfigs, and what is said of it."""


def check_names(hardware: Hardware, places: Mapping[str, Place]) -> None:
    """Raises InputError, one line a name of `memory.banks` that is not shipped, with the nearest that is."""
    problems = []
    for key, (folder, what) in KINDS.items():
        name, path = getattr(hardware.memory.banks, key), f"memory.banks.{key}"
        if name is None:
            continue
        names = sorted(file.stem for file in (data_folder(FOLDER) / folder).glob("*.yaml"))
        if name in names:
            continue
        near = nearest(name, names)
        meant = f"did you mean '{near}'?" if near else f"shipped: {', '.join(names)}"
        where = f"{places[path]}: " if path in places else ""
        problems.append(f"{where}{path}: no {what} '{printable(name, 100)}' is shipped; {meant}")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
