"""The chips of chips.yaml with nothing fitted: energy and area by circuit kind from computed prices alone."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from pimsim.components import adc, dac
from pimsim.components.crossbar import compute_style
from pimsim.components.registry import REGISTRY
from pimsim.cost.macro import macro_figures
from pimsim.hardware.load import load_hardware

from ..silicon import bare

FOLDER = Path(__file__).parent
BASE = "macro"
"""The shipped file that a chip without a file of its own extends."""

CIRCUITS = ("crossbar", "crossbar.dac", "crossbar.sample_hold", "crossbar.column_mux", "crossbar.adc", "pe.shift_add")
CONVERTING = ("crossbar", "dac", "sample_hold", "column_mux", "adc")
PRICES = ("energy_pJ", "power_mW", "area_um2", "leakage_mW")
GROUPS = {"array_driver": ("array", "driver"), "array": ("array",), "driver": ("driver",)}
GROUPS |= {"converter": ("converter",), "digital": ("digital",)}


@dataclass(frozen=True)
class Seen:
    """One published figure: `published` (pJ an op, or mm2) over the computed parts that it covers, by circuit kind."""

    chip: str
    label: str
    published: float
    parts: dict[str, float]

    @property
    def computed(self) -> float:
        """Sum of the parts, no factor applied."""
        return sum(self.parts.values())


@dataclass(frozen=True)
class Speed:
    """Throughput at a supply over that of the first point."""

    label: str
    published: float
    computed: float


@dataclass(frozen=True)
class Chip:
    """energy: totals, one an operating point; the first is the paper's main point. energy_split, area_split: parts of
    the first point that the paper tells apart. area: of the macro, None where not published. speed: at other supplies
    than the first point's."""

    name: str
    source: str
    style: str
    energy: tuple[Seen, ...]
    area: Seen | None
    energy_split: tuple[Seen, ...]
    area_split: tuple[Seen, ...]
    speed: tuple[Speed, ...] = ()


def chips() -> list[Chip]:
    """All chips of chips.yaml, by name."""
    entries = yaml.safe_load((FOLDER / "chips.yaml").read_text("utf-8"))
    return [_chip(name, entry) for name, entry in sorted(entries.items())]


def overrides(entry: dict[str, Any]) -> list[str]:
    """The chip as overrides: given prices out, then what its entry says."""
    sets = [f"{circuit}.{price}=null" for circuit in CIRCUITS for price in PRICES] if "file" in entry else []
    return sets + [f"{section}={json.dumps(value)}" for section, value in entry.get("hardware", {}).items()]


def _chip(name: str, entry: dict[str, Any]) -> Chip:
    source: str = entry.get("file", BASE)
    points, parts_at, areas, style = [], [], {}, ""
    speeds: list[tuple[str, float, float]] = []
    for point in entry["points"]:
        sets = overrides(entry)
        if "supply_V" in point:
            sets.append(f"technology.supply_V={point['supply_V']}")
        hardware = load_hardware(source, overrides=sets)
        style, kinds = compute_style(hardware.crossbar.cell), kind_of(hardware)
        hardware = load_hardware(
            source, overrides=[*sets, *bare({REGISTRY[name].section: kind for name, kind in kinds.items()})]
        )
        used = [*CONVERTING, *(["shift_add"] if entry.get("digital", True) else [])]
        figures = macro_figures(hardware, used)
        energy = _by_kind({key: value / figures.ops for key, value in figures.energy_pJ.items()}, kinds)
        areas = areas or _by_kind({key: value * 1e-6 for key, value in figures.area_um2.items()}, kinds)
        label = f"{hardware.technology.supply_V:g} V"
        if "speed" in point:
            speeds.append((label, point["speed"], 1.0 / figures.mvm_ns))
        if "TOPS_per_W" in point:
            points.append(Seen(name, label, 1.0 / point["TOPS_per_W"], energy))
            parts_at.append(_split(name, label, 1.0 / point["TOPS_per_W"], point.get("split", {}), energy))
    area_mm2 = entry.get("area_mm2")
    area = None if area_mm2 is None else Seen(name, "area", area_mm2, areas)
    split = () if area_mm2 is None else _split(name, "area", area_mm2, entry.get("area_split", {}), areas)
    speed = tuple(Speed(label, raw / speeds[0][1], ours / speeds[0][2]) for label, raw, ours in speeds[1:])
    return Chip(name, entry["source"], style, tuple(points), area, parts_at[0], split, speed)


def kind_of(hardware: Any) -> dict[str, str]:
    """Component -> circuit kind; arrays by how their cells compute, converters by their circuit."""
    converter = adc.silicon_kind(hardware.crossbar.adc.kind)
    return {
        "crossbar": f"array, {compute_style(hardware.crossbar.cell)}",
        "dac": "driver, voltage" if dac.several(hardware) else "driver",
        "adc": converter, "sample_hold": converter, "column_mux": converter, "shift_add": "digital",
    }  # fmt: skip


def _by_kind(values: dict[str, float], kinds: dict[str, str]) -> dict[str, float]:
    """Parts by circuit kind; those that are 0 are left out."""
    found: dict[str, float] = {}
    for name, value in values.items():
        if value > 0.0:
            found[kinds[name]] = found.get(kinds[name], 0.0) + value
    return found


def _split(chip: str, label: str, total: float, shares: dict[str, float], parts: dict[str, float]) -> tuple[Seen, ...]:
    found = []
    for group, share in shares.items():
        chosen = {kind: value for kind, value in parts.items() if kind.split(",")[0] in GROUPS[group]}
        if chosen:
            found.append(Seen(chip, f"{label}, {group}", share * total, chosen))
    return tuple(found)
