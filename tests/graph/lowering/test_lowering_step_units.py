"""Which steps may take a tile's softmax or normalisation units?"""

from __future__ import annotations

import pytest

from pimsim.graph.workload import Unit


@pytest.mark.parametrize(
    ("op", "unit"),
    [
        ("Softmax", Unit.SOFTMAX), ("LogSoftmax", Unit.SOFTMAX), ("Hardmax", None), ("Relu", None),
        ("LpNormalization", Unit.NORMALISATION), ("MeanVarianceNormalization", Unit.NORMALISATION),
    ],
)  # fmt: skip
def test_steps_of_one_input(make, op: str, unit: Unit | None) -> None:
    x, y = make.x("x", 2, 4, 8, 8), make.x("y", 2, 4, 8, 8)
    assert make.one(op, [x], y).unit is unit


@pytest.mark.parametrize(
    ("op", "parameters"),
    [
        ("LayerNormalization", 2), ("RMSNormalization", 1), ("BatchNormalization", 4), ("GroupNormalization", 2),
        ("InstanceNormalization", 2), ("com.microsoft.SkipLayerNormalization", 2),
    ],
)  # fmt: skip
def test_normalisations(make, op: str, parameters: int) -> None:
    x, y, v = make.x("x", 2, 4, 16), make.x("y", 2, 4, 16), make.w("v", 16 if "Layer" in op or "RMS" in op else 4)
    inputs = [x, x] if "Skip" in op else [x]
    extra = {"num_groups": 2} if op == "GroupNormalization" else {}
    assert make.one(op, [*inputs, *[v] * parameters], y, **extra).unit is Unit.NORMALISATION


def test_the_softmax_inside_an_attention(make) -> None:
    q, k, v = (make.x(name, 1, 2, 4, 8) for name in "qkv")
    work = make.run(make.node("Attention", [q, k, v], make.x("y", 1, 2, 4, 8)))
    assert [layer.unit for layer in work.layers] == [None, Unit.SOFTMAX, None]
