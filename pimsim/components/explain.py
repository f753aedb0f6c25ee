"""Where each price of a hardware file comes from."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

from pimsim.components.registry import REGISTRY, prices
from pimsim.errors import InputError, printable
from pimsim.hardware.schema import Hardware

QUANTITIES = (("energy", "energy_pJ", "pJ"), ("area", "area_um2", "um2"), ("leakage", "leakage_mW", "mW"))


def _section(hardware: Hardware, path: str) -> Any:
    node: Any = hardware
    for key in path.split("."):
        node = getattr(node, key, None)
    return node


def explain(hardware: Hardware, component: str | None = None) -> list[dict[str, Any]]:
    """One row a component and quantity: component, section, quantity, value, unit, origin (given, computed or
    calibrated), source (the file's own, or the formula's). Raises InputError for an unknown component."""
    if component is not None and component not in REGISTRY:
        near = get_close_matches(component, REGISTRY, 1, 0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(f"no component {printable(component)!r}; components are {', '.join(REGISTRY)}{hint}")
    rows: list[dict[str, Any]] = []
    for name, price in prices(hardware).items():
        if component not in (None, name):
            continue
        entry = REGISTRY[name]
        spec = _section(hardware, entry.section)
        for (_, field, unit), origin in zip(QUANTITIES, price.origins, strict=True):
            given = getattr(spec, "source", None) or hardware.source or "the hardware file"
            source = given if origin == "given" else price.formula
            if origin == "calibrated":
                source = f"{source}; calibration: {spec.calibration.comment}"
            rows.append(
                {
                    "component": name,
                    "section": entry.section,
                    "quantity": field,
                    "value": float(getattr(price, field)),
                    "unit": f"{unit} / action" if field == "energy_pJ" else f"{unit} / instance",
                    "origin": origin,
                    "source": source,
                }
            )
    return rows
