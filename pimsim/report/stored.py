"""A result read back from its JSON file: strictly, since the file may come from anywhere."""

from __future__ import annotations

import json
import math
import os
import stat
from dataclasses import dataclass
from typing import Any, NoReturn

from pimsim.errors import InputError, Place, printable
from pimsim.report.result import SCHEMA_VERSION

LARGEST_BYTES = 256 * 2**20
LAYER_FIGURES = ("energy_pJ", "latency_ns", "area_um2")
TOTALS = (
    "energy_pJ", "latency_ns", "throughput_inferences_per_s", "area_um2", "power_W", "macs", "ops", "tops",
    "tops_per_W", "tops_per_mm2", "crossbars", "utilization",
)  # fmt: skip
_MOST_PROBLEMS = 10


@dataclass(frozen=True)
class StoredResult:
    """The figures of a result file that a comparison needs. `layers` is keyed by name, in the file's order."""

    file: str
    model: str
    hardware: str
    totals: dict[str, float]
    components: dict[str, dict[str, float]]
    layers: dict[str, dict[str, float]]
    precision: str = ""  # bit widths of the products, in words

    component_keys = ("energy_pJ", "energy_dynamic_pJ", "energy_static_pJ", "area_um2")

    @property
    def title(self) -> str:
        """'<model> on <hardware>'."""
        return f"{self.model} on {self.hardware}"


def read_result(path: str | os.PathLike[str]) -> StoredResult:
    """The result in the JSON file at `path`.

    Raises InputError when the file is absent, too large, no JSON, or not a result of this version; every wrong
    field (up to ten) is named.
    """
    place = Place(str(path))
    document = _parse(_read(path, place), place)
    if not isinstance(document, dict) or "schema_version" not in document:
        way_out = "'pimsim run --format json' writes one"
        raise InputError(f"is not a pimsim result: it has no schema_version ({way_out})", place)
    version = document["schema_version"]
    if version != SCHEMA_VERSION or isinstance(version, bool):
        got = printable(version, 40)
        raise InputError(f"schema_version is {got}; this pimsim reads {SCHEMA_VERSION}: run the model again", place)
    check = _Check(place)
    model, hardware = check.mapping(document, "model"), check.mapping(document, "hardware")
    totals = check.mapping(document, "totals")
    for key in TOTALS:
        if key not in totals:
            check.fault(f"totals.{key} is missing")
    found = StoredResult(
        str(path),
        check.text(model, "name", "model.name"),
        check.text(hardware, "name", "hardware.name"),
        {
            key: check.figure(value, f"totals.{key}")
            for key, value in totals.items()
            if not key.endswith("_interval")  # error bars: a pair, not a figure to compare
        },
        _components(check, check.mapping(document, "components")),
        _layers(check, document.get("layers")),
        check.text(model, "precision", "model.precision"),
    )
    check.finish()
    return found


def _read(path: str | os.PathLike[str], place: Place) -> bytes:
    try:
        with open(path, "rb") as stream:
            status = os.fstat(stream.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise InputError("is not a regular file; give a result that 'pimsim run --format json' wrote", place)
            if status.st_size > LARGEST_BYTES:
                raise InputError(f"has {status.st_size} bytes; a result has at most {LARGEST_BYTES}", place)
            return stream.read(LARGEST_BYTES + 1)
    except FileNotFoundError as error:
        raise InputError("no such file", place) from error
    except IsADirectoryError as error:
        raise InputError("is a folder; give a result that 'pimsim run --format json' wrote", place) from error
    except (OSError, ValueError) as error:
        raise InputError(f"cannot be read: {printable(getattr(error, 'strerror', None) or error)}", place) from error


def _parse(data: bytes, place: Place) -> Any:
    def refuse(name: str) -> NoReturn:
        raise ValueError(f"{name} is not JSON")

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a key stands twice in one object")
        return found

    try:
        return json.loads(data, parse_constant=refuse, object_pairs_hook=once)
    except json.JSONDecodeError as error:
        raise InputError(f"is not JSON: {error.msg}", Place(place.file, error.lineno, error.colno)) from error
    except RecursionError as error:
        raise InputError("is nested too deeply for a result", place) from error
    except ValueError as error:  # text that is not UTF-8, NaN, a number of too many digits, a key twice
        raise InputError(f"is not strict JSON: {printable(error)}", place) from error


class _Check:
    """Gathers what is wrong, so that all of it is reported at once."""

    def __init__(self, place: Place):
        self.place = place
        self.problems: list[str] = []

    def fault(self, message: str) -> None:
        self.problems.append(f"{self.place}: {message}")

    def mapping(self, document: dict[str, Any], key: str) -> dict[str, Any]:
        value = document.get(key)
        if isinstance(value, dict):
            return value
        self.fault(f"{key} must be an object; got {_kind(value)}")
        return {}

    def text(self, document: dict[str, Any], key: str, label: str) -> str:
        value = document.get(key)
        if isinstance(value, str):
            return value
        self.fault(f"{label} must be text; got {_kind(value)}")
        return ""

    def figure(self, value: Any, label: str) -> float:
        if isinstance(value, int | float) and not isinstance(value, bool):
            number = _as_float(value)
            if math.isfinite(number) and number >= 0:
                return number
        self.fault(f"{printable(label, 100)} must be a finite number, 0 or more; got {_kind(value)}")
        return 0.0

    def finish(self) -> None:
        if self.problems:
            shown = self.problems[:_MOST_PROBLEMS]
            if len(self.problems) > len(shown):
                shown.append(f"{self.place}: and {len(self.problems) - len(shown)} more faults")
            raise InputError(shown[0], more=tuple(shown[1:]))


def _as_float(value: int | float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _kind(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return printable(repr(value), 40)


def _components(check: _Check, table: dict[str, Any]) -> dict[str, dict[str, float]]:
    found = {}
    for name, row in table.items():
        label = f"components.{printable(name, 60)}"
        if not isinstance(row, dict):
            check.fault(f"{label} must be an object; got {_kind(row)}")
            continue
        found[name] = {key: check.figure(row.get(key), f"{label}.{key}") for key in StoredResult.component_keys}
    return found


def _layers(check: _Check, rows: Any) -> dict[str, dict[str, float]]:
    """Rows by name; a layer of that name that comes later gets a number behind it."""
    found: dict[str, dict[str, float]] = {}
    if not isinstance(rows, list):
        check.fault(f"layers must be a list; got {_kind(rows)}")
        return found
    seen: dict[str, int] = {}
    for index, row in enumerate(rows):
        if not isinstance(row, dict) or not isinstance(row.get("name"), str):
            check.fault(f"layers[{index}] must be an object with a name")
            continue
        name = row["name"]
        seen[name] = seen.get(name, 0) + 1
        key = name if seen[name] == 1 else f"{name} ({seen[name]})"
        found[key] = {figure: check.figure(row.get(figure), f"layers[{index}].{figure}") for figure in LAYER_FIGURES}
    return found
