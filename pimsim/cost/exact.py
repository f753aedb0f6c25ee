"""Arrays on which powers, exponentials and logarithms have the bits that Python's `math` gives for one number: NumPy's
own loops differ from the C library in the last digit on some processors. Everything else is NumPy's."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from pimsim.jit import compiled, is_ready

Array = np.ndarray[Any, Any]

WORTH_COMPILING = 2048
"""Points from which on a loop is compiled where no earlier run has done it."""


def power_loop(x: Any, y: Any, out: Any) -> None:
    """out[i] = x[i] ** y[i]."""
    for i in range(len(out)):
        out[i] = math.pow(x[i], y[i])


def exp_loop(x: Any, out: Any) -> None:
    """out[i] = e ** x[i]."""
    for i in range(len(out)):
        out[i] = math.exp(x[i])


def log_loop(x: Any, out: Any) -> None:
    """out[i] = ln x[i]."""
    for i in range(len(out)):
        out[i] = math.log(x[i])


def log2_loop(x: Any, out: Any) -> None:
    """out[i] = log2 x[i]."""
    for i in range(len(out)):
        out[i] = math.log2(x[i])


def log1p_loop(x: Any, out: Any) -> None:
    """out[i] = ln(1 + x[i])."""
    for i in range(len(out)):
        out[i] = math.log1p(x[i])


LOOPS: dict[Any, Callable[..., None]] = {
    np.power: power_loop,
    np.float_power: power_loop,
    np.exp: exp_loop,
    np.log: log_loop,
    np.log2: log2_loop,
    np.log1p: log1p_loop,
}


class Exact(np.ndarray[Any, Any]):
    """A float64 array of one dimension, one entry a hardware point."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        """NumPy's function on the plain arrays, or the C library's one by one."""
        plain = [x.view(np.ndarray) if isinstance(x, Exact) else x for x in inputs]
        if ufunc in LOOPS and method == "__call__":
            return _one_by_one(LOOPS[ufunc], *plain)
        if ufunc is np.logaddexp:
            return _log_add_exp(*inputs)
        result = getattr(ufunc, method)(*plain, **options)
        return result.view(Exact) if isinstance(result, np.ndarray) and result.ndim else result

    def __pow__(self, other: Any, modulo: None = None) -> Any:
        return np.power(self, other)

    def __rpow__(self, other: Any, modulo: None = None) -> Any:
        return np.power(other, self)

    def __ceil__(self) -> Any:
        return np.ceil(self)

    def __floor__(self) -> Any:
        return np.floor(self)


def exact(values: Array) -> Exact:
    """`values` as float64, without a copy where they are that already."""
    return np.ascontiguousarray(values, dtype=np.float64).view(Exact)


def _one_by_one(loop: Callable[..., None], *inputs: Any) -> Any:
    out = np.empty(np.broadcast_shapes(*(np.shape(x) for x in inputs)))
    arrays = [np.full(out.shape, x, dtype=np.float64) for x in inputs]
    if out.size < WORTH_COMPILING and not is_ready(loop):
        values = [0.0] * out.size
        loop(*(array.tolist() for array in arrays), values)
        out[:] = values
    else:
        compiled(loop)(*arrays, out)
    return out.view(Exact)


def _log_add_exp(x: Any, y: Any) -> Any:
    """ln(e^x + e^y)."""
    return np.maximum(x, y) + np.log1p(np.exp(-abs(x - y)))
