"""Derived columns: parts of times, differences, quotients, a piece of a text."""

from __future__ import annotations

import numpy as np

from nas.data.spec import Derive
from nas.data.values import Numbers, Values
from pimsim.errors import InputError, printable

_EPOCHS = {"epoch_s": 1.0, "epoch_ms": 1e-3, "epoch_days": 86400.0}  # seconds a unit
_DAY = 86400.0
_LATEST = 4.0e11  # seconds: year 14,000 or so, where calendars of the libraries still work


def derive(values: Values, step: Derive) -> None:
    """Adds the column of `step` to `values`."""
    if step.pattern:
        values.set_texts(step.name, _extracted(values, step))
    elif step.divide:
        values.set_numbers(step.name, np.floor(values.numbers(step.of[0]) / step.divide))
    elif step.minus:
        values.set_numbers(step.name, values.numbers(step.of[0]) - values.numbers(step.minus))
    else:
        seconds = _epoch_seconds(values, step) if step.time in _EPOCHS else _parsed_seconds(values, step)
        values.set_numbers(step.name, part_of(seconds, step.part))


def part_of(seconds: Numbers, part: str) -> Numbers:
    """A part of the time (UTC): hour 0 to 23, weekday 0 (Monday) to 6, month, year, date as YYYYMMDD, whole days or
    seconds since 1970. NaN stays NaN."""
    days = np.floor(seconds / _DAY)
    if part == "seconds":
        return seconds
    if part == "days":
        return days
    if part == "hour":
        return np.floor((seconds - days * _DAY) / 3600.0)
    if part == "weekday":
        return np.mod(days + 3.0, 7.0)  # 1 January 1970 was a Thursday
    missing = np.isnan(days)
    stamps = np.where(missing, 0.0, days).astype("datetime64[D]")
    years = stamps.astype("datetime64[Y]").astype(np.int64) + 1970
    months = stamps.astype("datetime64[M]").astype(np.int64) % 12 + 1
    in_month = (stamps - stamps.astype("datetime64[M]")).astype(np.int64) + 1
    found = {"year": years, "month": months, "date": years * 10_000 + months * 100 + in_month}[part]
    return np.where(missing, np.nan, found.astype(np.float64))


def _epoch_seconds(values: Values, step: Derive) -> Numbers:
    seconds = values.numbers(step.of[0]) * _EPOCHS[step.time]
    far = np.abs(seconds) > _LATEST
    values.fault("time", f"column {printable(step.of[0], 60)} must hold a time in {step.time}", far, seconds)
    return np.where(far, np.nan, seconds)


def _parsed_seconds(values: Values, step: Derive) -> Numbers:
    import pandas as pd
    import pyarrow as pa
    import pyarrow.compute as pc

    columns = [values.texts(name) for name in step.of]
    texts = columns[0] if len(columns) == 1 else pc.binary_join_element_wise(*columns, b" ")
    encoded = texts.dictionary_encode()
    distinct = [text.decode("utf-8", "replace") for text in encoded.dictionary.to_pylist()]
    try:
        times = pd.to_datetime(pd.Series(distinct, dtype="object"), format=step.time, errors="coerce")
    except ValueError as fault:
        where = f"time format {printable(step.time, 60)} of {printable(step.name, 60)}"
        raise InputError(f"{where}: {printable(fault)}") from None
    stamps = times.to_numpy().astype("datetime64[s]")
    distinct_seconds = np.append(stamps.astype(np.float64), np.nan)
    distinct_seconds[:-1][np.isnat(stamps)] = np.nan
    places = encoded.indices.fill_null(len(distinct)).to_numpy(zero_copy_only=False)
    seconds: Numbers = distinct_seconds[places]
    wrong = np.isnan(seconds) & texts.is_valid().to_numpy(zero_copy_only=False)
    rule = f"column {printable(' '.join(step.of), 60)} must hold a time as {printable(step.time, 40)}"
    values.fault("time", rule, wrong, texts if isinstance(texts, pa.Array) else None)
    return seconds


def _extracted(values: Values, step: Derive) -> object:
    import pyarrow as pa
    import pyarrow.compute as pc

    where = f"pattern of derived column {printable(step.name, 60)}"
    encoded = values.texts(step.of[0]).dictionary_encode()
    distinct = pa.array([text.decode("utf-8", "replace") for text in encoded.dictionary.to_pylist()], pa.string())
    try:
        found = pc.extract_regex(distinct, step.pattern)
    except pa.ArrowInvalid as fault:
        raise InputError(f"{where}: {printable(fault)}") from None
    if found.type.num_fields != 1:
        raise InputError(f"{where} must hold one named group (?P<name>...)")
    return pc.struct_field(found, 0).cast(pa.binary()).take(encoded.indices)
