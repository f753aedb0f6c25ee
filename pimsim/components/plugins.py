"""Components from outside the tree: a circuit says `model: my_adc.py` or the name of an installed one, and that module
computes its price.

The module has a frozen dataclass `Parameters` (each with a default) and functions of it and of the hardware:
`energy_pJ(parameters, hw)` of one action, `area_um2(parameters, hw)` and, if it likes, `leakage_mW(parameters, hw)` of
one instance (else that of its area in logic or whatever the circuit of the tree has); `SOURCE` says where the formulas
come from. `hw` has the sections of the hardware file (`hw.crossbar.adc.bits`), `hw.process` and `hw.cycle_ns`.
Installed ones are entry points of the group `pimsim.components` whose object is such a module.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import sys
import traceback
from collections.abc import Callable
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np

from pimsim.errors import InputError, Place, printable

Number = Any  # float or float64 array
GROUP = "pimsim.components"
FUNCTIONS = ("energy_pJ", "area_um2", "leakage_mW")
NEEDED = FUNCTIONS[:2]
LARGEST = 1e15
"""As for a figure given in the file."""


class Model(NamedTuple):
    """What a module offers. parameters: its dataclass, or None."""

    place: Place
    functions: dict[str, Callable[[Any, Any], Number]]
    parameters: type[Any] | None
    source: str


def computed(hw: Any, spec: Any) -> tuple[Number, Number, Number | None, str]:
    """Energy (pJ), area (um2) and leakage (mW; None where it says nothing of it) of the circuit `spec` as its model has
    them, and the formulas' source. Raises InputError for a model that is missing, fails, or returns anything but
    numbers from 0 to 1e15."""
    model = load(spec.model)
    parameters = _parameters(model, spec.parameters)
    energy_pJ, area_um2 = (_call(model, name, parameters, hw) for name in NEEDED)
    leakage_mW = _call(model, "leakage_mW", parameters, hw) if "leakage_mW" in model.functions else None
    return energy_pJ, area_um2, leakage_mW, model.source


def load(name: str) -> Model:
    """The model at the path `name` (it ends in .py), or the installed one of that name."""
    if not name.endswith(".py"):
        return _installed(name)
    try:
        stamp = Path(name).stat()
    except (OSError, ValueError) as error:
        raise InputError(f"no model file '{printable(name)}'") from error
    return _from_file(name, stamp.st_mtime_ns, stamp.st_size)


@lru_cache(maxsize=64)
def _from_file(name: str, changed_ns: int, size: int) -> Model:
    """Keyed by the time of the last change, so that an edited file is read anew."""
    spec = importlib.util.spec_from_file_location(f"pimsim_model_{abs(hash(name)):x}", name)
    if spec is None or spec.loader is None:
        raise InputError(f"'{printable(name)}' cannot be read as a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        del sys.modules[spec.name]
        raise _failed(Place(name), "the file", error) from error
    return _model(module, Place(name))


@lru_cache(maxsize=64)
def _installed(name: str) -> Model:
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        near = get_close_matches(name[:64], found, 1, 0.4)
        known = f"did you mean '{near[0]}'?" if near else f"installed: {', '.join(sorted(found)) or 'none'}"
        raise InputError(f"no installed component '{printable(name, 60)}' (a file of your own ends in .py); {known}")
    place = Place(f"{GROUP}:{name}")
    try:
        module = found[name].load()
    except (Exception, SystemExit) as error:
        raise _failed(place, "its import", error) from error
    return _model(module, place)


def _model(module: ModuleType, place: Place) -> Model:
    functions = {name: getattr(module, name) for name in FUNCTIONS if callable(getattr(module, name, None))}
    missing = [name for name in NEEDED if name not in functions]
    if missing:
        raise InputError(f"no function {' and no function '.join(missing)}(parameters, hw)", place)
    parameters = getattr(module, "Parameters", None)
    if parameters is not None and not (isinstance(parameters, type) and dataclasses.is_dataclass(parameters)):
        raise InputError("Parameters is not a dataclass", place)
    source = getattr(module, "SOURCE", None) or f"{place} (it names no SOURCE)"
    return Model(place, functions, parameters, str(source))


def _parameters(model: Model, given: Any) -> Any:
    """The module's dataclass with the file's values in it; None where the module has none."""
    values: dict[str, Any] = given or {}
    fields = {f.name: f for f in dataclasses.fields(model.parameters)} if model.parameters is not None else {}
    problems = []
    for name in values:
        if name not in fields:
            near = get_close_matches(name, fields, 1, 0.4)
            hint = f"did you mean '{near[0]}'?" if near else f"parameters are {', '.join(fields) or 'none'}"
            problems.append(f"{model.place}: no parameter '{printable(name, 60)}'; {hint}")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))
    if model.parameters is None:
        return None
    try:
        return model.parameters(**values)
    except Exception as error:
        raise _failed(model.place, "Parameters", error) from error


def _call(model: Model, name: str, parameters: Any, hw: Any) -> Number:
    try:
        value = model.functions[name](parameters, hw)
    except Exception as error:
        raise _failed(model.place, name, error) from error
    return _value(model, name, value)


def _value(model: Model, name: str, value: Any) -> Number:
    """`value` if it is what a price can be."""
    numbers = np.asarray(value)
    if numbers.dtype.kind not in "fiu" or not np.all((numbers >= 0) & (numbers <= LARGEST)):
        raise InputError(f"{name} returned {printable(value, 60)}; it must return numbers from 0 to 1e15", model.place)
    return value


def _failed(place: Place, what: str, error: BaseException) -> InputError:
    """Where in the user's file it went wrong, and how."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == place.file]
    if isinstance(error, SyntaxError) and error.filename == place.file:
        lines.append(error.lineno)
    where = Place(place.file, lines[-1]) if lines else place
    return InputError(f"{what} failed: {type(error).__name__}: {printable(error, 200)}", where)
