"""The rules of the hardware schema over arrays: which points break one, and why, in the schema's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

import numpy as np

from pimsim.errors import printable
from pimsim.hardware.allowed import Allowed
from pimsim.hardware.schema import Hardware

Array = np.ndarray[Any, Any]
Number = Any  # a float, or one a point; NaN where the file says nothing


class Column(Protocol):
    """A setting that varies; `pimsim.cost.points.Values`."""

    @property
    def numbers(self) -> Array:
        """One a point."""

    @property
    def words(self) -> Array | None:
        """Number of each point's word, -1: none."""

    @property
    def labels(self) -> tuple[Any, ...]:
        """The words."""


class Rule(NamedTuple):
    """path: what the message is about. reads: the settings. broken: over their values. text: of one point's values."""

    path: str
    reads: tuple[str, ...]
    broken: Callable[..., Any]
    text: Callable[..., str]


def layer_bits_text(path: str, value: object) -> str:
    """What is wrong with a layer's bits."""
    return f"{printable(path, 100)} must be a whole number from 1 to 32; got {printable(value, 40)}"


def _at_most(path: str, limit: str) -> Rule:
    name, bound = path.rpartition(".")[2], limit.rpartition(".")[2]
    return Rule(
        path, (path, limit), lambda value, most: value > most,
        lambda value, most: f"{name} must be at most {bound} = {most:g}; got {value:g}",
    )  # fmt: skip


def _register(section: str) -> Rule:
    return Rule(
        f"{section}.width_bits", (f"{section}.width_bits", f"{section}.size_bytes"),
        lambda width, size: width > size * 8,
        lambda width, size: f"a word of {width:g} bits does not fit size_bytes = {size:g}, {size * 8:.6g} bits",
    )  # fmt: skip


RULES = (
    _at_most("crossbar.active_rows", "crossbar.rows"),
    _at_most("crossbar.adc.columns_per_adc", "crossbar.columns"),
    _at_most("crossbar.cell.write.cells_at_once", "crossbar.columns"),
    Rule(
        "crossbar.cell.r_on_ohm", ("crossbar.cell.r_on_ohm", "crossbar.cell.r_off_ohm"),
        lambda on, off: on >= off,
        lambda on, off: f"r_on_ohm (low resistance) must be below r_off_ohm = {off:g}; got {on:g}; are the two swapped?",  # noqa: E501
    ),
    Rule(
        "crossbar.cell.bits", ("crossbar.cell.bits", "crossbar.cell.kind=sram"),
        lambda bits, sram: (bits != 1) & (sram == 1),
        lambda bits, sram: f"an SRAM cell stores 1 bit; got {bits:g}",
    ),
    _register("pe.input_register"),
    _register("pe.output_register"),
    _register("tile.output_register"),
    Rule(
        "tile.buffer.width_bits", ("tile.buffer.width_bits", "tile.buffer.size_KB", "tile.buffer.banks"),
        lambda width, size, banks: width > size * 8192 / banks,
        lambda width, size, banks: f"a word of {width:g} bits does not fit size_KB / banks = {size:g} / {banks:g}, "
        f"{size * 8192 / banks:.6g} bits",
    ),
    Rule(
        "tile.buffer.ports", ("tile.buffer.ports", "tile.buffer.kind=edram"),
        lambda ports, edram: (ports > 1) & (edram == 1),
        lambda ports, edram: f"an eDRAM cell has one port; got {ports:g}: give it banks instead",
    ),
)  # fmt: skip
"""Rules between settings of which at least one is a plain number; a test holds each against the schema. Rules between
words (two prices for one thing...) are checked by validating one point of each group."""


def broken_rules(base: Hardware, columns: Mapping[str, Column], count: int) -> dict[int, str]:
    """Point -> what is wrong with it, one rule after the other. Words that a setting does not take are left to the
    schema, which sees one point of each group."""
    found: dict[int, list[str]] = {}
    for path, column in columns.items():
        for i, text in _out_of_range(path, column):
            found.setdefault(i, []).append(text)
    for rule in RULES:
        if not any(read.partition("=")[0] in columns for read in rule.reads):
            continue
        values = [np.broadcast_to(_numbers(base, columns, read), count) for read in rule.reads]
        with np.errstate(all="ignore"):
            broken = np.flatnonzero(rule.broken(*values))
        for i in broken.tolist():
            found.setdefault(i, []).append(f"{rule.path}: {rule.text(*(value[i] for value in values))}")
    return {i: "; ".join(texts) for i, texts in sorted(found.items())}


def _numbers(base: Hardware, columns: Mapping[str, Column], read: str) -> Number:
    """The setting as floats, NaN where it is no number; `path=word`: 1 where it is that word, else 0."""
    path, _, word = read.partition("=")
    column = columns.get(path)
    if column is None:
        value: Any = base
        for key in path.split("."):
            value = getattr(value, key, None)
        if word:
            return 1.0 if value == word else 0.0
        return float(value) if isinstance(value, int | float) else np.nan
    if word:
        at = column.labels.index(word) if word in column.labels else -2
        return np.zeros(1) if column.words is None else (column.words == at).astype(np.float64)
    numbers = column.numbers.astype(np.float64)
    return numbers if column.words is None else np.where(column.words < 0, numbers, np.nan)


def _out_of_range(path: str, column: Column) -> Iterator[tuple[int, str]]:
    """Points whose number at `path` is not whole where it must be, or out of range."""
    limits = limits_of(path)
    numbers = column.numbers
    bad = np.zeros(len(numbers), dtype=bool)
    if limits.whole and numbers.dtype.kind == "f":
        bad |= numbers != np.rint(numbers)
    bad |= ~((numbers >= limits.low) & (numbers <= limits.high))  # true for NaN
    if limits.open_low:
        bad |= numbers == limits.low
    if column.words is not None:
        bad &= column.words < 0
    for i in np.flatnonzero(bad).tolist():
        value = numbers[i].item()
        if path.startswith("layers."):
            yield i, layer_bits_text(path, value)
        elif not limits.number or (limits.whole and isinstance(value, float) and not value.is_integer()):
            yield i, f"{path}: must be {limits.what}; got {value}" + f"; allowed {limits.text}" * bool(limits.text)
        else:
            yield i, f"{path}: out of range; got {value}; allowed {limits.text}"


class Limits(NamedTuple):
    """What numbers a setting takes. number: whether it takes any. may_be_none: whether 0 means that there is none."""

    number: bool
    whole: bool
    low: float
    high: float
    open_low: bool
    what: str
    text: str

    @property
    def may_be_none(self) -> bool:
        """Whether the setting is a count that may be 0."""
        return self.whole and self.low == 0.0


LAYER_LIMITS = Limits(True, True, 1.0, 32.0, False, "a whole number", "1 to 32")


@lru_cache(maxsize=512)
def limits_of(path: str) -> Limits:
    """The limits of the setting at `path`, read off the schema."""
    if path.startswith("layers."):
        return LAYER_LIMITS
    allowed, steps = Allowed(Hardware), tuple(path.split("."))
    schemas = [schema for schema in allowed.at(steps) if schema.get("type") in ("integer", "number")]
    if not schemas:
        return Limits(False, False, np.inf, -np.inf, False, allowed.what(steps), "")
    one: Mapping[str, Any] = schemas[0]
    low = one.get("minimum", one.get("exclusiveMinimum", -np.inf))
    return Limits(
        True, one["type"] == "integer", float(low), float(one.get("maximum", np.inf)), "exclusiveMinimum" in one,
        allowed.what(steps), allowed.range(steps),
    )  # fmt: skip


@lru_cache(maxsize=512)
def unknown_path(path: str) -> str:
    """What is wrong with a dotted path of the hardware; empty when it names a value."""
    allowed, steps = Allowed(Hardware), tuple(path.split("."))
    shown = printable(path, 100)
    if path.startswith("layers."):
        good = path.endswith((".weight_bits", ".input_bits")) and len(steps) > 2
        return "" if good else f"'{shown}': layers have weight_bits and input_bits, as in layers.conv*.weight_bits"
    here = allowed.at(steps) if len(path) <= 200 and all(steps) else []
    if here and not any("properties" in schema for schema in here):
        return ""
    from pimsim.hardware.suggest import nearest

    keys = allowed.keys(steps[:-1])
    near = nearest(steps[-1], keys) if keys else None
    if near:
        return f"no setting '{shown}'; did you mean {'.'.join((*steps[:-1], near))}?"
    return f"'{shown}' is no setting of the hardware (a dotted path such as crossbar.rows)"
