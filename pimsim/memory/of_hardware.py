"""The memory of a hardware description: its `memory.kind` names a technology, and a shipped device stands for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from pimsim.errors import InputError, printable
from pimsim.hardware.library import FOLDER, find_hardware, shipped_file, shipped_files, shown_path
from pimsim.hardware.load import validate_tree
from pimsim.hardware.merge import read_tree
from pimsim.hardware.schema import Hardware
from pimsim.hardware.suggest import nearest
from pimsim.memory.device import Device, device_names, load_device
from pimsim.memory.near.spec import near_names

DEVICE_OF = {
    "dram": "ddr4_2400", "ddr4": "ddr4_2400", "ddr5": "ddr5_4800", "lpddr4": "lpddr4_3200", "lpddr5": "lpddr5_6400",
    "gddr5": "gddr6_16000", "gddr6": "gddr6_16000", "hbm": "hbm2", "hbm2": "hbm2", "hbm3": "hbm3",
}  # fmt: skip
"""`memory.kind` of a hardware file -> shipped device; GDDR5 has no file of its own, GDDR6 is the nearest."""

NVM_OF = {"reram": "rram", "pcm": "pcm", "mram": "stt"}
"""`memory.kind: nvm`: the device of the technology of the crossbar's cells; `rram` for the others."""


def memory_name(hardware: Hardware) -> str:
    """The name of the shipped device that stands for the memory of `hardware`: that of `memory.banks`, or of its
    kind."""
    banks, kind = hardware.memory.banks, hardware.memory.kind
    if banks.device is not None:
        return banks.device
    return DEVICE_OF[kind] if kind in DEVICE_OF else NVM_OF.get(hardware.crossbar.cell.kind, "rram")


def memory_for(hardware: Hardware, *, overrides: Sequence[str] = ()) -> Device:
    """The memory of a hardware description, with the changes of its `memory.banks`; without what is near its banks.
    overrides: of the device, as for `load_device`."""
    return load_device(memory_name(hardware), overrides=[*hardware.memory.banks.set.split(), *overrides])


def load_memory(source: str | os.PathLike[str], *, overrides: Sequence[str] = ()) -> Device:
    """A memory by the name of a shipped one or its file, or the memory of a hardware description by either.

    overrides: "organisation.ranks=1" strings, of the memory. Raises InputError with one line a problem, or with the
    nearest shipped name.
    """
    asked = os.fspath(source)
    own = hardware_of(asked)
    if own is not None:
        return memory_for(own, overrides=overrides)
    if is_file(asked):
        return load_device(asked, overrides=overrides)
    name = asked.replace(os.sep, "/").removeprefix("./").removeprefix(f"{FOLDER}/memory/").removesuffix(".yaml")
    if name in device_names():
        return load_device(name, overrides=overrides)
    last = name[:100].rpartition("/")[2]
    near = nearest(last, [*device_names(), *near_names(), *shipped_files()])
    known = f"memories: {', '.join(device_names())}; near memories: {', '.join(near_names())}"
    meant = f"did you mean '{near}'?" if near else f"{known}; 'pimsim configs' lists the hardware"
    raise InputError(
        f"no file '{printable(asked, 100)}', and no memory or hardware description of that name is shipped; {meant}"
    )


def hardware_of(source: str | os.PathLike[str]) -> Hardware | None:
    """The hardware description that `source` names; None for a memory, and for what is neither. Raises InputError for
    a description that is not well formed. Circuits of one's own are not run: only their text is read."""
    asked = os.fspath(source)
    if not is_file(asked) and (not asked or "\0" in asked or shipped_file(asked) is None):
        return None
    path = find_hardware(asked)
    tree = read_tree(path, shown_path(path))
    if "crossbar" not in tree.entries and ("organisation" in tree.entries or "memory" not in tree.entries):
        return None
    return validate_tree(Hardware, tree)[0]


def is_file(path: str) -> bool:
    """Whether there is a file at `path`; not for a name that no file can have."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False
