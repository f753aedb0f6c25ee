# mypy: ignore-errors
"""What compiled kernels run instead of the functions of `pimsim.mapping.lanes`, under the same names. Loads and stores
without the check for negative indices, which would keep loops from vector instructions."""

from __future__ import annotations

import operator

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

INT = ir.IntType(64)


@numba.njit(forceinline=True)
def up(x):
    """ceil, rounding in the processor."""
    return np.ceil(min(x, 9e15))


@numba.njit(forceinline=True)
def down(x):
    """floor, rounding in the processor."""
    return np.floor(min(x, 9e15))


class Lane(types.Type):
    """Address of a lane whose rows stand `width` numbers apart."""

    def __init__(self, width):
        self.width = width
        super().__init__(name=f"Lane({width})")


@register_model(Lane)
class LaneModel(models.PrimitiveModel):
    """A pointer to float64."""

    def __init__(self, manager, kind):
        super().__init__(manager, kind, ir.DoubleType().as_pointer())


@infer_global(operator.getitem)
class LaneItem(AbstractTemplate):
    """lane[k] is a float64."""

    def generic(self, given, named):
        """The signature, where the first operand is a lane."""
        lane, index = given
        known = isinstance(lane, Lane) and isinstance(index, types.Integer)
        return signature(types.float64, lane, types.int64) if known else None


@lower_builtin(operator.getitem, Lane, types.int64)
def _item(context, builder, kinds, given):
    width = ir.Constant(INT, kinds.args[0].width)
    return builder.load(builder.gep(given[0], [builder.mul(given[1], width)]))


def _address(context, builder, kinds, given, k=0):
    """Of row `given[1]` + k, lane `given[2]` in the block `given[0]`."""
    width = len(kinds.args[3])
    data = context.make_array(kinds.args[0])(context, builder, given[0]).data
    base = builder.gep(data, [builder.mul(given[1], ir.Constant(INT, width))])
    return builder.gep(builder.gep(base, [given[2]]), [ir.Constant(INT, k * width)])


@intrinsic(prefer_literal=True)
def take(typing, block, row, p, lanes, count):
    """A tuple of loads."""
    size = count.literal_value

    def build(context, builder, kinds, given):
        loads = [builder.load(_address(context, builder, kinds, given, k)) for k in range(size)]
        return cgutils.pack_array(builder, loads)

    return types.UniTuple(block.dtype, size)(block, types.int64, types.int64, lanes, count), build


@intrinsic
def view(typing, block, row, p, lanes, count):
    """The address."""
    return Lane(len(lanes))(block, types.int64, types.int64, lanes, count), _address


@intrinsic
def at(typing, block, row, p, lanes):
    """A load."""

    def build(context, builder, kinds, given):
        return builder.load(_address(context, builder, kinds, given))

    return block.dtype(block, types.int64, types.int64, lanes), build


def _stores(block, lanes, values, adding):
    def build(context, builder, kinds, given):
        for k, value in enumerate(cgutils.unpack_tuple(builder, given[4], len(values))):
            where = _address(context, builder, kinds, given, k)
            number = context.cast(builder, value, values[k], block.dtype)
            builder.store(builder.fadd(builder.load(where), number) if adding else number, where)
        return context.get_dummy_value()

    return types.void(block, types.int64, types.int64, lanes, values), build


@intrinsic
def put(typing, block, row, p, lanes, values):
    """Stores."""
    return _stores(block, lanes, values, adding=False)


@intrinsic
def add(typing, block, row, p, lanes, values):
    """Loads, additions, stores."""
    return _stores(block, lanes, values, adding=True)
