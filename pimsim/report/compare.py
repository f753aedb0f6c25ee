"""Two results side by side, from their JSON files: `pimsim compare A.json B.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pimsim.errors import printable
from pimsim.report.sections import NAME_WIDTH, Column, Facts, Lines, Section, Table
from pimsim.report.stored import StoredResult
from pimsim.report.units import clip, scaled, significant

SCALE_OF = {
    "energy_pJ": "energy_pJ",
    "energy_dynamic_pJ": "energy_pJ",
    "energy_static_pJ": "energy_pJ",
    "latency_ns": "latency_ns",
    "area_um2": "area_um2",
    "power_W": "power_W",
    "macs": "count",
    "ops": "count",
}
MOST_LAYERS = 12
LAYER_KEYS = ("energy_pJ", "latency_ns", "area_um2")


@dataclass(frozen=True)
class Pair:
    """One figure of both results. `ratio` is b / a; None where a is 0."""

    a: float
    b: float

    @property
    def ratio(self) -> float | None:
        """b / a, or None when a is 0 (1 when both are)."""
        if self.a == 0:
            return 1.0 if self.b == 0 else None
        ratio = self.b / self.a
        return ratio if ratio < float("inf") else None

    def to_dict(self) -> dict[str, float | None]:
        """Plain data."""
        return {"a": self.a, "b": self.b, "ratio": self.ratio}


@dataclass(frozen=True)
class Comparison:
    """What `compare` found. Layers are matched by name; `layers` holds those that changed most, the largest first."""

    a: StoredResult
    b: StoredResult
    totals: dict[str, Pair]
    components: dict[str, dict[str, Pair]]
    layers: dict[str, dict[str, Pair]]
    changed: int  # layers in both whose figures differ
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data, as `--format json` prints it."""
        return {
            "a": {"file": self.a.file, "model": self.a.model, "hardware": self.a.hardware},
            "b": {"file": self.b.file, "model": self.b.model, "hardware": self.b.hardware},
            "totals": {key: pair.to_dict() for key, pair in self.totals.items()},
            "components": {
                name: {key: pair.to_dict() for key, pair in row.items()} for name, row in self.components.items()
            },
            "layers_changed_most": [
                {"name": name, **{key: pair.to_dict() for key, pair in row.items()}}
                for name, row in self.layers.items()
            ],
            "layers_changed": self.changed,
            "layers_only_in_a": list(self.only_a),
            "layers_only_in_b": list(self.only_b),
        }

    def rows(self) -> list[tuple[str, str, str, float, float, float | None]]:
        """(group, name, quantity, a, b, ratio) for every figure, as `--format csv` prints it."""
        found: list[tuple[str, str, str, float, float, float | None]] = []
        for key, pair in self.totals.items():
            found.append(("totals", "", key, pair.a, pair.b, pair.ratio))
        for group, table in (("component", self.components), ("layer", self.layers)):
            for name, row in table.items():
                found += [(group, name, key, pair.a, pair.b, pair.ratio) for key, pair in row.items()]
        return found


def compare(a: StoredResult, b: StoredResult, most: int = MOST_LAYERS) -> Comparison:
    """Totals, components and the `most` layers whose share of energy, latency or area changed most."""
    totals = {key: Pair(value, b.totals[key]) for key, value in a.totals.items() if key in b.totals}
    names = list(dict.fromkeys([*a.components, *b.components]))
    components = {
        name: {key: Pair(_get(a.components, name, key), _get(b.components, name, key)) for key in a.component_keys}
        for name in names
    }
    both = [name for name in a.layers if name in b.layers]
    pairs = {name: {key: Pair(a.layers[name][key], b.layers[name][key]) for key in LAYER_KEYS} for name in both}
    scale = {key: max(totals[key].a, totals[key].b) or 1.0 for key in LAYER_KEYS}

    def change(name: str) -> float:
        return max(abs(pair.b - pair.a) / scale[key] for key, pair in pairs[name].items())

    order = sorted((name for name in both if change(name) > 1e-12), key=change, reverse=True)
    return Comparison(
        a,
        b,
        totals,
        components,
        {name: pairs[name] for name in order[:most]},
        len(order),
        tuple(name for name in a.layers if name not in b.layers),
        tuple(name for name in b.layers if name not in a.layers),
    )


def _get(table: Mapping[str, Mapping[str, float]], name: str, key: str) -> float:
    return table[name][key] if name in table else 0.0


def comparison_sections(found: Comparison) -> list[Section]:
    """The comparison for people."""
    sides = (("A", found.a), ("B", found.b))
    facts = Facts(
        "Comparison (ratio: B / A)",
        [(label, f"{printable(side.title)}  ({printable(side.file)})") for label, side in sides],
    )
    columns = (Column("total", right=False), Column("A"), Column("B"), Column("ratio"))
    rows = [(key, *_shown(key, pair)) for key, pair in found.totals.items()]
    same = found.a.precision == found.b.precision
    widths = found.a.precision if same else f"A: {found.a.precision}; B: {found.b.precision}"
    totals = Table("Totals", columns, list(rows), caption=f"TOPS: 1 MAC = 2 operations, {printable(widths)}")
    parts: list[Section] = [facts, totals, _component_table(found)]
    if found.layers:
        more = f"{len(found.layers)} of {found.changed}" if found.changed > len(found.layers) else "all"
        parts.append(_layer_table(found, f"Layers that changed most ({more}, matched by name)"))
    lines = [
        f"{len(names)} layers only in {label}: {_names(names)}"
        for label, names in (("A", found.only_a), ("B", found.only_b))
        if names
    ]
    if not found.layers:
        lines.insert(0, "no layer that is in both differs")
    return [*parts, Lines("Layers", lines)] if lines else parts


def _names(names: tuple[str, ...]) -> str:
    shown = ", ".join(clip(printable(name, 300), NAME_WIDTH) for name in names[:5])
    return shown + (", ..." if len(names) > 5 else "")


def _shown(key: str, pair: Pair) -> tuple[str, str, str]:
    scale = SCALE_OF.get(key)
    show = (lambda value: scaled(scale, value)) if scale else significant
    return show(pair.a), show(pair.b), _ratio(pair)


def _ratio(pair: Pair) -> str:
    return "-" if pair.ratio is None else significant(pair.ratio)


def _component_table(found: Comparison) -> Table:
    rows = []
    order = sorted(found.components.items(), key=lambda item: -max(item[1]["energy_pJ"].a, item[1]["energy_pJ"].b))
    for name, row in order:
        energy, area = row["energy_pJ"], row["area_um2"]
        if energy.a or energy.b or area.a or area.b:
            label = clip(printable(name, 100), NAME_WIDTH).replace("_", " ")
            rows.append((label, *_shown("energy_pJ", energy), *_shown("area_um2", area)))
    columns = (
        Column("component", right=False),
        Column("energy A"),
        Column("B"),
        Column("ratio"),
        Column("area A"),
        Column("B"),
        Column("ratio"),
    )
    return Table("By component", columns, list(rows))


def _layer_table(found: Comparison, title: str) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, row in found.layers.items():
        cells = [cell for key in LAYER_KEYS for cell in _shown(key, row[key])]
        rows.append((clip(printable(name, 300), NAME_WIDTH), *cells))
    columns = (
        Column("layer", right=False),
        Column("energy A"),
        Column("B"),
        Column("ratio"),
        Column("latency A"),
        Column("B"),
        Column("ratio"),
        Column("area A", rank=1),
        Column("B", rank=1),
        Column("ratio", rank=1),
    )
    return Table(title, columns, rows)
