"""How far computed prices lie from silicon: standard deviations of ln(published / computed) by circuit kind.

`python -m validation.leave_one_out.fit` reprints them from the left-out chips under validation/; kinds that no
published chip separates are assumed. Given figures have the tolerance that the file states, else GIVEN_TOLERANCE.
"""

from __future__ import annotations

ENERGY_SIGMA = {
    "array": 0.8,
    "driver": 0.7,
    "converter": 0.9,  # the survey's macros spread by a factor 2.5 (adc_survey.MACRO_ENERGY_SHARE)
    "digital": 0.4,
    "storage": 0.5,
    "wire": 0.5,
    "off_chip": 0.4,
    "programming": 0.8,
}
AREA_SIGMA = {
    "array": 0.6,
    "driver": 0.7,
    "converter": 0.6,  # a factor 1.8 (adc_survey.MACRO_AREA_SHARE)
    "digital": 0.4,
    "storage": 0.4,
    "wire": 0.5,
    "off_chip": 0.4,
    "programming": 0.0,
}
LATENCY_SIGMA = 0.15
"""Of read times and clocks, which the file gives; the model adds the pipeline."""

GIVEN_TOLERANCE = 0.05
"""80% of given figures are taken to lie within this share (assumed: rounding and digitising of printed figures)."""

KIND = {
    "crossbar": "array",
    "dac": "driver",
    "sample_hold": "driver",
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
    "link": "off_chip",
    "memory": "off_chip",
    "programming": "programming",
}
"""Component of the report -> circuit kind."""
