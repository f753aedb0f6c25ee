"""Digital units: shift-add, accumulator, pooling, vector, multiply-add, special functions. One action: one operation.

Energy and area of adders and multipliers: M. Horowitz, "Computing's energy problem", ISSCC 2014, figure 1.1.9 and the
table of its appendix: 45 nm, 0.9 V; 8-bit add 0.03 pJ and 36 um2, 32-bit add 0.1 pJ and 137 um2; 8-bit multiply 0.2 pJ
and 282 um2, 32-bit multiply 3.1 pJ and 3495 um2.
"""

from __future__ import annotations

from typing import Any

from pimsim.components.price import Number, Price, resolve

HOROWITZ = "(Horowitz, ISSCC 2014, 45 nm, scaled with C V^2 and F^2)"
SHIFT_ADD_FORMULA = f"one addition of accumulator_bits {HOROWITZ}"
ACTIVATION_FORMULA = f"piecewise linear: table read as two additions, one multiply-add {HOROWITZ}"
ADDITION_FORMULA = f"one addition {HOROWITZ}"
VECTOR_FORMULA = f"one addition and half a multiplication {HOROWITZ}"
MAC_FORMULA = f"one multiplication and one addition of accumulator_bits {HOROWITZ}"


def add_pJ(hw: Any, bits: Number) -> Number:
    """Adder: proportional to its width."""
    return 0.1 / 32.0 * bits * hw.process.energy_45


def add_um2(hw: Any, bits: Number) -> Number:
    """Adder and its register: proportional to its width."""
    return 137.0 / 32.0 * bits * hw.process.area_45


def multiply_pJ(hw: Any, bits: Number) -> Number:
    """Multiplier: proportional to the square of its width."""
    return 0.2 / 64.0 * bits * bits * hw.process.energy_45


def multiply_um2(hw: Any, bits: Number) -> Number:
    """Multiplier: proportional to the square of its width."""
    return 282.0 / 64.0 * bits * bits * hw.process.area_45


def shift_add(hw: Any) -> Price:
    """One converted value added into the result of a PE. A unit is busy with its share of a cycle's conversions."""
    spec, bits = hw.pe.shift_add, hw.precision.accumulator_bits
    conversions = hw.pe.crossbars * hw.crossbar.columns
    return resolve(
        hw,
        spec,
        action_ns=hw.cycle_ns * spec.count / conversions if spec.count else hw.cycle_ns / conversions,
        energy_pJ=add_pJ(hw, bits),
        area_um2=add_um2(hw, bits),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=SHIFT_ADD_FORMULA,
    )


def _unit(hw: Any, spec: Any, energy: Number, area: Number, formula: str) -> Price:
    return resolve(
        hw,
        spec,
        action_ns=1.0 / hw.clock_GHz,
        energy_pJ=energy,
        area_um2=area,
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=formula,
    )


def activation(hw: Any) -> Price:
    """One special function value: a 64-entry table of slopes and offsets, one multiply-add (piecewise linear)."""
    spec = hw.tile.activation
    energy = multiply_pJ(hw, spec.bits) + 3.0 * add_pJ(hw, spec.bits)
    area = multiply_um2(hw, spec.bits) + add_um2(hw, spec.bits) + 64.0 * 2.0 * spec.bits * hw.process.area_45
    return _unit(hw, spec, energy, area, ACTIVATION_FORMULA)


def _or_activation(hw: Any, spec: Any, energy: Number, area: Number, formula: str) -> Price:
    """A kind of unit that a tile has none of: its operations run on the activation units, at their price."""
    if isinstance(spec.count, int) and spec.count == 0:
        shared = activation(hw)
        note = f"no unit of its own: runs on the activation units; {shared.formula}"
        return shared._replace(area_um2=0.0, leakage_mW=0.0, formula=note)
    return _unit(hw, spec, energy, area, formula)


def accumulator(hw: Any) -> Price:
    """One addition of partial sums."""
    spec = hw.tile.accumulator
    return _or_activation(hw, spec, add_pJ(hw, spec.bits), add_um2(hw, spec.bits), ADDITION_FORMULA)


def pool(hw: Any) -> Price:
    """One comparison or addition in a pooling window."""
    spec = hw.tile.pool
    return _or_activation(hw, spec, add_pJ(hw, spec.bits), add_um2(hw, spec.bits), ADDITION_FORMULA)


def vector(hw: Any) -> Price:
    """One elementwise operation; half of them are taken to be multiplications."""
    spec = hw.tile.vector
    energy = add_pJ(hw, spec.bits) + 0.5 * multiply_pJ(hw, spec.bits)
    area = add_um2(hw, spec.bits) + multiply_um2(hw, spec.bits)
    return _or_activation(hw, spec, energy, area, VECTOR_FORMULA)


def mac(hw: Any) -> Price:
    """One multiply-add of two activations into an accumulator."""
    spec, wide = hw.tile.mac, hw.precision.accumulator_bits
    energy = multiply_pJ(hw, spec.bits) + add_pJ(hw, wide)
    area = multiply_um2(hw, spec.bits) + add_um2(hw, wide)
    return _or_activation(hw, spec, energy, area, MAC_FORMULA)
