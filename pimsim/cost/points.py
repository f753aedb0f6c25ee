"""Hardware points as a structure of arrays: a base file, and for each setting that varies one value a point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from pydantic import ValidationError

from pimsim.cost.point_rules import broken_rules, layer_bits_text, limits_of, unknown_path
from pimsim.errors import InputError, Place, printable
from pimsim.hardware.problems import find_problems
from pimsim.hardware.schema import Hardware
from pimsim.hardware.yaml_source import Entry, Listing, Node, Scalar
from pimsim.hardware.yaml_source import Mapping as TreeMapping

Array = np.ndarray[Any, Any]
LAYERS = "layers."
LAYER_BITS = ("weight_bits", "input_bits")


@dataclass(frozen=True, eq=False)
class Values:
    """One setting at every point. numbers: int64 or float64, 0 where the entry is a word. words: number of the entry's
    word in `labels` (a text, true or false, or None), -1 where it is a number; None when all are numbers."""

    numbers: Array
    words: Array | None = None
    labels: tuple[Any, ...] = ()

    def at(self, i: int) -> Any:
        """The plain Python value at point `i`."""
        if self.words is not None and self.words[i] >= 0:
            return self.labels[self.words[i]]
        return self.numbers[i].item()

    def select(self, at: Any) -> Values:
        """The values at some of the points."""
        return Values(self.numbers[at], None if self.words is None else self.words[at], self.labels)


@dataclass(frozen=True, eq=False)
class Group:
    """Points that agree in everything that is not a plain number. index: their numbers. words: path -> value that all
    of them have. numbers: path -> one number a point."""

    index: Array
    words: dict[str, Any]
    numbers: dict[str, Array]


@dataclass(frozen=True, eq=False)
class Points:
    """`base` with the settings `values`: dotted path -> one value a point.

    Paths are those of the hardware file ("crossbar.rows", "crossbar.adc.kind", ...), and layers.PATTERN.weight_bits or
    .input_bits for the layers whose name matches the shell pattern (later ones win; None: not set at this point).
    A point that breaks a rule of the schema is kept, with its reason in `errors`. Raises InputError for a path that
    does not exist and for columns of different lengths.
    """

    base: Hardware
    values: Mapping[str, Sequence[Any] | Array]
    count: int | None = None
    _ready: dict[str, Values] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        problems = [text for path in self.values if (text := unknown_path(path))]
        if problems:
            raise InputError(problems[0], more=tuple(problems[1:]))
        if not self._ready:
            self._ready.update((path, _column(path, values)) for path, values in self.values.items())
        lengths = {path: len(values.numbers) for path, values in self._ready.items()}
        longest = self.count if self.count is not None else max(lengths.values(), default=1)
        for path, length in lengths.items():
            if length != longest:
                raise InputError(f"{printable(path, 100)} has {length:,} values for {longest:,} points")
        object.__setattr__(self, "count", longest)

    @staticmethod
    def of(machines: Sequence[Hardware]) -> Points:
        """Points from hardware descriptions, in their order. Raises InputError when the list is empty."""
        if not machines:
            raise InputError("no hardware points")
        flat = [dict(_leaves(machine.model_dump(exclude_unset=True))) for machine in machines]
        paths = dict.fromkeys(path for one in flat for path in one)
        values = {path: [_default(one, path, machine) for one, machine in zip(flat, machines, strict=True)]
                  for path in paths}  # fmt: skip
        varied = {path: column for path, column in values.items() if any(v != column[0] for v in column)}
        return _Machines(machines[0], varied, len(machines), machines=tuple(machines))

    def __len__(self) -> int:
        assert self.count is not None
        return self.count

    @property
    def paths(self) -> tuple[str, ...]:
        """The settings that vary, layers' bits included."""
        return tuple(self._ready)

    def column(self, path: str) -> Values:
        """The setting `path` at every point."""
        return self._ready[path]

    def settings(self, i: int) -> dict[str, Any]:
        """Path -> value at point `i`."""
        return {path: values.at(i) for path, values in self._ready.items()}

    def hardware(self, i: int) -> Hardware:
        """The hardware of point `i`, validated. Raises InputError, one line a broken rule; and for bits of layers that
        are no width."""
        i = self._index(i)
        _check_layer_bits(self.layer_bits(i))
        return hardware_with(self.base, {p: v for p, v in self.settings(i).items() if not p.startswith(LAYERS)})

    def layer_bits(self, i: int) -> dict[str, dict[str, int]]:
        """Pattern -> {"weight_bits": n, "input_bits": n} at point `i`, as `simulate(layer_bits=...)` takes it."""
        found: dict[str, dict[str, int]] = {}
        for path, value in self.settings(self._index(i)).items():
            if path.startswith(LAYERS) and value is not None:
                pattern, key = layer_target(path)
                found.setdefault(pattern, {})[key] = value
        return found

    def select(self, at: Sequence[int] | Array | slice) -> Points:
        """Some of the points, in the order of `at` (numbers, a mask, or a slice)."""
        chosen = at if isinstance(at, slice) else np.asarray(at)
        count = len(np.arange(len(self))[chosen])
        return Points(self.base, {}, count, {path: values.select(chosen) for path, values in self._ready.items()})

    @cached_property
    def errors(self) -> dict[int, str]:
        """Point -> why it is no hardware; points that are valid are left out. Rules between plain numbers are checked
        over arrays; words are checked with one point of each group."""
        return broken_rules(self.base, self._ready, len(self))

    def groups(self, whole: frozenset[str] = frozenset()) -> Iterator[Group]:
        """The points in groups that share all words (and the numbers at the paths `whole`), failed points too."""
        yield from _groups(self._ready, len(self), whole)

    def given(self, i: int) -> bool:
        """Whether point `i` was given as a whole, not as settings of the base."""
        return False

    def _index(self, i: int) -> int:
        if not -len(self) <= i < len(self):
            raise InputError(f"points are numbered 0 to {len(self) - 1:,}; got {printable(i, 40)}")
        return i % len(self)


class _Machines(Points):
    """Points that were given as hardware descriptions."""

    _machines: tuple[Hardware, ...]

    def __init__(self, base: Hardware, values: dict[str, list[Any]], count: int, machines: tuple[Hardware, ...]):
        super().__init__(base, values, count)
        object.__setattr__(self, "_machines", machines)

    def hardware(self, i: int) -> Hardware:
        """The description itself."""
        return self._machines[self._index(i)]


def layer_target(path: str) -> tuple[str, str]:
    """`layers.PATTERN.weight_bits` -> (PATTERN, "weight_bits"); the pattern may have dots in it."""
    pattern, _, key = path.removeprefix(LAYERS).rpartition(".")
    return pattern, key


def hardware_with(base: Hardware, values: Mapping[str, Any]) -> Hardware:
    """`base` with the value at each dotted path changed. Raises InputError, one line a broken rule."""
    data = base.model_dump(exclude_unset=True)
    for path, value in values.items():
        section = data
        *sections, key = path.split(".")
        for name in sections:
            if section.get(name) is None:
                section[name] = {}
            section = section[name]
        section[key] = value
    try:
        return Hardware.model_validate(data)
    except ValidationError as fault:
        tree = _tree(data)
        assert isinstance(tree, TreeMapping)
        lines = [f"{problem.path}: {problem.text}" for problem in find_problems(fault, Hardware, tree)]
        raise InputError(lines[0], more=tuple(lines[1:])) from None


def _tree(value: Any) -> Node:
    """Plain data as a tree without places, for the texts of problems."""
    place = Place()
    if isinstance(value, dict):
        return TreeMapping({str(key): Entry(place, _tree(below)) for key, below in value.items()}, place, 1, 1)
    if isinstance(value, list | tuple):
        return Listing(tuple(map(_tree, value)), place, 1, 1)
    return Scalar(value, str(value), isinstance(value, str), place)


def _column(path: str, values: Sequence[Any] | Array) -> Values:
    """`values` as numbers and words. Raises InputError for what is neither."""
    array = values if isinstance(values, np.ndarray) else None
    if array is None:
        kinds = set(map(type, values))
        array = np.array(list(values)) if kinds and kinds <= {int, float} else _objects(list(values))
    if array.ndim != 1:
        raise InputError(f"{printable(path, 100)}: expected one value a point; got an array of {array.ndim} dimensions")
    if array.dtype.kind in "iu":
        return _split_zeros(path, array.astype(np.int64))
    if array.dtype.kind == "f":
        return _split_zeros(path, _whole(path, array.astype(np.float64)))
    return _coded(path, array.tolist())


def _objects(values: Sequence[Any]) -> Array:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _coded(path: str, entries: list[Any]) -> Values:
    """Numbers, texts, booleans and None mixed."""
    labels: dict[tuple[type, Any], int] = {}
    words = np.full(len(entries), -1, dtype=np.int64)
    numbers = np.zeros(len(entries))
    for i, entry in enumerate(entries):
        if isinstance(entry, bool | str | None):
            words[i] = labels.setdefault((type(entry), entry), len(labels))
        elif isinstance(entry, int | float):
            numbers[i] = entry
        else:
            kind = type(entry).__name__
            raise InputError(f"{printable(path, 100)}: expected numbers, texts, true, false or None; got a {kind}")
    return Values(_whole(path, numbers), words, tuple(label for _, label in labels))


def _whole(path: str, numbers: Array) -> Array:
    """As int64 where the schema takes whole numbers and all are whole."""
    exact = bool(np.all(np.abs(numbers) < 2**53)) and bool(np.all(numbers == np.rint(numbers)))
    whole = limits_of(path).whole and exact
    return numbers.astype(np.int64) if whole else numbers


def _split_zeros(path: str, numbers: Array) -> Values:
    """Where a count may be 0 (none of the kind), formulas branch on it: 0 is a word then."""
    if not limits_of(path).may_be_none or bool(np.all(numbers != 0)):
        return Values(numbers)
    return Values(numbers, np.where(numbers == 0, 0, -1).astype(np.int64), (0,))


def _groups(columns: Mapping[str, Values], count: int, whole: frozenset[str]) -> Iterator[Group]:
    codes = np.zeros(count, dtype=np.int64)
    for path, values in columns.items():
        for code, size in _codes(values, path in whole):
            if size > 1:
                _, codes = np.unique(codes * size + code, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    bounds = np.flatnonzero(np.diff(codes[order])) + 1
    for index in np.split(order, bounds) if count else ():
        words, numbers = {}, {}
        for path, values in columns.items():
            first = index[0]
            if path in whole or (values.words is not None and values.words[first] >= 0):
                words[path] = values.at(first)
            else:
                numbers[path] = values.numbers[index]
        yield Group(index, words, numbers)


def _codes(values: Values, whole: bool) -> Iterator[tuple[Array, int]]:
    if values.words is not None:
        yield values.words + 1, len(values.labels) + 1
    if whole:
        distinct, inverse = np.unique(values.numbers, return_inverse=True)
        yield inverse, len(distinct)


def _leaves(section: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in section.items():
        here = f"{path}.{key}" if path else key
        if isinstance(value, Mapping) and key != "parameters":
            yield from _leaves(value, here)
        else:
            yield here, value


def _default(flat: Mapping[str, Any], path: str, machine: Hardware) -> Any:
    """The value at `path`, its default where the file does not set it."""
    if path in flat:
        return flat[path]
    value: Any = machine
    for key in path.split("."):
        value = getattr(value, key, None)
    return value


def _check_layer_bits(bits: Mapping[str, Mapping[str, Any]]) -> None:
    for pattern, widths in bits.items():
        for key, value in widths.items():
            if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32:
                raise InputError(layer_bits_text(f"{LAYERS}{pattern}.{key}", value))
