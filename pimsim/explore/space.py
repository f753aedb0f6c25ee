"""A design space: knobs of a base hardware file with their values, and the points that they span.

Points are numbered as nested loops would meet them, the last knob turning fastest; point i is worked out from i alone,
so that a space of any size is gone through in pieces and never held.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.explore.expressions import Expression, ExpressionError, compile_expression
from pimsim.hardware.schema import Hardware

Value = bool | int | float | str
Array = Any
LARGEST_NUMBERED = 2**62
"""Spaces up to this size can be enumerated; larger ones are sampled or searched."""

BIT_FIELDS = ("weight_bits", "input_bits")


@dataclass(frozen=True)
class Knob:
    """One knob: a dotted path of the hardware file, or `layers.PATTERN.weight_bits` / `operators.OP.input_bits`.

    name: what constraints call it (the path, unless the file gives another).
    """

    path: str
    values: tuple[Value, ...]
    name: str

    @property
    def of_layers(self) -> bool:
        """Whether it sets bits of layers and not a value of the hardware."""
        return is_layer_path(self.path)

    @cached_property
    def array(self) -> Array:
        """The values as an array: bool, int64, float64, or object where texts are among them."""
        if any(isinstance(value, str) for value in self.values):
            return np.array(self.values, dtype=object)
        return np.array(self.values)

    @property
    def kind(self) -> str:
        """What expressions take it for: "number", "text" or "truth"."""
        return kind_of(self.values)


@dataclass(frozen=True)
class Space:
    """Knobs over a base, with constraints. Made by `pimsim.load_space`.

    derived: dotted path -> expression, values that follow from the knobs. models: ONNX files that the space is for.
    """

    name: str
    base: Hardware
    knobs: tuple[Knob, ...]
    constraints: tuple[str, ...] = ()
    derived: tuple[tuple[str, str], ...] = ()
    models: tuple[str, ...] = ()
    source: str = ""
    description: str = field(default="", compare=False)

    @cached_property
    def size(self) -> int:
        """Combinations of all values, those that constraints rule out included; nothing is enumerated."""
        return math.prod(len(knob.values) for knob in self.knobs)

    @property
    def size_text(self) -> str:
        """`size` as a person reads it: 12,960 or 3e+45."""
        if self.size < 10**15:
            return f"{self.size:,}"
        exponent = math.floor(math.log10(self.size))
        return f"{self.size // 10**exponent}e+{exponent}"

    @property
    def paths(self) -> list[str]:
        """What a point sets: the knobs' paths, then the derived ones."""
        return [*(knob.path for knob in self.knobs), *(path for path, _ in self.derived)]

    def codes(self, start: int, stop: int) -> Array:
        """Points start to stop as (stop - start) x knobs numbers of values. Raises InputError over LARGEST_NUMBERED."""
        if self.size > LARGEST_NUMBERED:
            raise InputError(
                f"the space has {self.size_text} points, too many to go through; sample it (sample='sobol', n=...) "
                "or search it (optimise='nsga2', budget=...)"
            )
        left = np.arange(start, min(stop, self.size), dtype=np.int64)
        codes = np.empty((len(left), len(self.knobs)), dtype=np.int32)
        for column in range(len(self.knobs) - 1, -1, -1):
            left, codes[:, column] = np.divmod(left, len(self.knobs[column].values))
        return codes

    def numbers(self, codes: Array) -> Array:
        """The inverse of `codes`: points' numbers in the enumeration, as int64."""
        numbers = np.zeros(len(codes), dtype=np.int64)
        for column, knob in enumerate(self.knobs):
            numbers = numbers * len(knob.values) + codes[:, column]
        return numbers

    def columns(self, codes: Array) -> dict[str, Array]:
        """Path -> value at each point: the knobs', then the derived ones (numbers as float64, since whether all are
        whole may differ from piece to piece)."""
        columns = {knob.path: knob.array[codes[:, at]] for at, knob in enumerate(self.knobs)}
        values = self._values(codes) if self.derived else {}
        for path, expression in self._compiled[0]:
            columns[path] = values[path].astype({"number": np.float64, "text": object}.get(expression.kind, bool))
        return columns

    def allowed(self, codes: Array) -> Array:
        """Which points meet every constraint, as booleans. A comparison with a value that is not a number (a division
        by zero) is not met."""
        keep = np.ones(len(codes), dtype=bool)
        if not self.constraints:
            return keep
        values = self._values(codes)
        with np.errstate(all="ignore"):
            for constraint in self._compiled[1]:
                keep &= constraint.evaluate(values)
        return keep

    def point(self, number: int) -> dict[str, Value]:
        """Path -> value of one point. Raises InputError for a number outside the space."""
        if not 0 <= number < self.size:
            raise InputError(f"points are numbered 0 to {self.size - 1:,}; got {printable(number, 40)}")
        values: dict[str, Value] = {}
        left = number
        for knob in reversed(self.knobs):
            left, code = divmod(left, len(knob.values))
            values[knob.path] = knob.values[code]
        codes = np.array([[knob.values.index(values[knob.path]) for knob in self.knobs]], dtype=np.int32)
        found = {path: plain(column[0]) for path, column in self.columns(codes).items()}
        for path, _ in self.derived:
            found[path] = whole(found[path])
        return found

    def hardware(self, values: Mapping[str, Value] | int) -> Hardware:
        """The hardware of one point: its number, or path -> value (layers' bits are no part of it).

        Raises InputError when the combination is not a valid hardware description.
        """
        from pimsim.explore.space_file import hardware_with

        given = self.point(values) if isinstance(values, int) else values
        return hardware_with(self.base, {path: v for path, v in given.items() if not is_layer_path(path)})

    def layer_bits(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """The part of a point that sets bits of layers."""
        return {path: value for path, value in values.items() if is_layer_path(path)}

    def identity(self) -> dict[str, Any]:
        """What results depend on, as plain data; equal for spaces that give the same points."""
        return {
            "knobs": [[knob.path, list(knob.values)] for knob in self.knobs],
            "constraints": list(self.constraints),
            "derived": [list(pair) for pair in self.derived],
            "names": [knob.name for knob in self.knobs],
        }

    def digest(self) -> str:
        """SHA-256 of `identity`."""
        return hashlib.sha256(json.dumps(self.identity()).encode()).hexdigest()

    def __getstate__(self) -> dict[str, Any]:
        """Without what is compiled or computed: a worker makes that again."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}

    @cached_property
    def _compiled(self) -> tuple[list[tuple[str, Expression]], list[Expression]]:
        """Derived values, and constraints, compiled."""
        return compile_all(self.base, self.knobs, self.derived, self.constraints)

    def _values(self, codes: Array) -> dict[str, Array]:
        """Name -> values: everything that expressions read, and the derived values."""
        derived, constraints = self._compiled
        read = {name for _, expression in derived for name in expression.names}
        read |= {name for expression in constraints for name in expression.names}
        fixed = scalars(self.base.model_dump(mode="python"))
        values: dict[str, Array] = {name: _double(fixed[name]) for name in read if name in fixed}
        for at, knob in enumerate(self.knobs):
            if read & {knob.name, knob.path}:
                array = knob.array.astype(np.float64) if knob.kind == "number" else knob.array
                values[knob.name] = values[knob.path] = array[codes[:, at]]
        with np.errstate(all="ignore"):
            for path, expression in derived:
                values[path] = np.broadcast_to(expression.evaluate(values), (len(codes),))
        return values


def compile_all(
    base: Hardware,
    knobs: Sequence[Knob],
    derived: Sequence[tuple[str, str]],
    constraints: Sequence[str],
    report: Callable[[str, int, ExpressionError], None] | None = None,
) -> tuple[list[tuple[str, Expression]], list[Expression]]:
    """Derived values (each may use knobs, values of the base and the derived ones above it) and constraints (which may
    use all of them). `report` takes (section, position, fault) instead of the fault being raised."""
    kinds = {path: kind_of([value]) for path, value in scalars(base.model_dump(mode="python")).items()}
    first = [name for knob in knobs for name in dict.fromkeys((knob.name, knob.path))]
    kinds.update((name, knob.kind) for knob in knobs for name in (knob.name, knob.path))
    made: list[tuple[str, Expression]] = []
    conditions: list[Expression] = []
    for at, (path, text) in enumerate(derived):
        try:
            expression = compile_expression(text, kinds, first)
        except ExpressionError as fault:
            _give(fault, "derived", at, report)
            continue
        made.append((path, expression))
        kinds[path] = expression.kind
        first.append(path)
    for at, text in enumerate(constraints):
        try:
            expression = compile_expression(text, kinds, first)
            if expression.kind != "truth":
                raise ExpressionError("a constraint compares, e.g. crossbar.columns <= 2 * crossbar.rows")
            conditions.append(expression)
        except ExpressionError as fault:
            _give(fault, "constraints", at, report)
    return made, conditions


def _give(
    fault: ExpressionError, section: str, at: int, report: Callable[[str, int, ExpressionError], None] | None
) -> None:
    if report is None:
        raise fault
    report(section, at, fault)


def is_layer_path(path: str) -> bool:
    """Whether a knob's path means bits of layers."""
    return path.startswith(("layers.", "operators."))


def layer_target(path: str) -> tuple[str, str, str]:
    """`layers.PATTERN.weight_bits` -> ("layers", PATTERN, "weight_bits"); the pattern may have dots in it."""
    kind, _, rest = path.partition(".")
    pattern, _, bits = rest.rpartition(".")
    return kind, pattern, bits


def kind_of(values: Sequence[object]) -> str:
    """What expressions take values for. Texts mixed with numbers ("auto" and counts) are text."""
    if any(isinstance(value, str) for value in values):
        return "text"
    return "truth" if all(isinstance(value, bool) for value in values) else "number"


def scalars(section: Mapping[str, Any], path: str = "") -> dict[str, Value]:
    """Dotted path -> value of every number, text and truth value in nested dictionaries."""
    found: dict[str, Value] = {}
    for key, value in section.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping):
            found.update(scalars(value, here))
        elif isinstance(value, bool | int | float | str):
            found[here] = value
    return found


def whole(value: Value) -> Value:
    """A whole float as the int that counts in a hardware file have to be."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def plain(value: Any) -> Any:
    """A NumPy scalar as the Python value that it is."""
    return value.item() if isinstance(value, np.generic) else value


def _double(value: Value) -> Value:
    return value if isinstance(value, bool | str) else float(value)
