"""How far computed prices lie from silicon: standard deviations of ln(published / computed) by circuit kind, about 0:
bias and scatter together.

From published macros with nothing fitted to them (validation/leave_one_out; beside a kind stands the number of chips
with a published figure that is mostly of this kind), each with the factors of `silicon` from the other chips; storage
from published memories (validation/cacti). `python -m validation.leave_one_out.fit` prints the two tables as they stand
here; kinds that neither separates are assumed. Given figures have the tolerance that the file states, else
GIVEN_TOLERANCE.
"""

from __future__ import annotations

ENERGY_SIGMA = {
    "array": 1.04,  # 20 chips
    "driver": 1.21,  # 7 chips
    "converter": 1.04,  # 8 chips
    "digital": 0.94,  # 1 chip
    "storage": 0.41,  # 31 figures of published memories
    "wire": 0.50,  # assumed
    "off_chip": 0.40,  # assumed
    "programming": 0.80,  # assumed
}
AREA_SIGMA = {
    "array": 1.40,  # 18 chips
    "driver": 1.34,  # 1 chip
    "converter": 0.54,  # 11 chips
    "digital": 0.40,  # assumed
    "storage": 0.38,  # 24 figures of published memories
    "wire": 0.50,  # assumed
    "off_chip": 0.40,  # assumed
    "programming": 0.00,  # assumed
}
LATENCY_SIGMA = 0.15
"""Of read times and clocks, which the file gives; the model adds the pipeline and supply
scaling, which alone scatters by 0.05 over three chips (validation/leave_one_out). Assumed: the rest is mapping."""

GIVEN_TOLERANCE = 0.05
"""80% of given figures are taken to lie within this share (assumed: rounding and digitising of printed figures)."""

KIND = {
    "crossbar": "array",
    "dac": "driver",
    "sample_hold": "converter",
    "column_mux": "converter",
    "adc": "converter",
    "shift_add": "digital",
    "input_register": "storage",
    "output_register": "storage",
    "buffer": "storage",
    "bus": "wire",
    "router": "wire",
    "accumulator": "digital",
    "activation": "digital",
    "pool": "digital",
    "vector": "digital",
    "tile_register": "storage",
    "mac": "digital",
    "softmax": "digital",
    "normalisation": "digital",
    "link": "off_chip",
    "memory": "off_chip",
    "programming": "programming",
}
"""Component of the report -> circuit kind."""
