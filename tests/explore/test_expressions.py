"""Do expressions say what Python would, and does nothing else get in?"""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pimsim.explore.expressions import ExpressionError, compile_expression

KINDS = {"a.rows": "number", "a.bits": "number", "b.bits": "number", "a.kind": "text", "a.on": "truth"}
ROWS, BITS = np.array([64.0, 128.0, 256.0]), np.array([4.0, 6.0, 8.0])
VALUES = {
    "a.rows": ROWS, "a.bits": BITS, "b.bits": 3.0, "a.kind": np.array(["sar", "flash", "sar"], dtype=object),
    "a.on": np.array([True, False, True]),
}  # fmt: skip


def value(text: str) -> list[object]:
    return np.broadcast_to(compile_expression(text, KINDS).evaluate(VALUES), (3,)).tolist()


def test_arithmetic_and_comparisons() -> None:
    assert value("2 * rows + a.bits - b.bits / 2") == [2 * r + b - 1.5 for r, b in zip(ROWS, BITS, strict=True)]
    assert value("rows // 100 + rows % 100 - -2 ** 2") == [r // 100 + r % 100 + 4 for r in ROWS]
    assert value("log2(rows) + sqrt(16) + ceil(1.2) + floor(1.8) + abs(-1)") == [math.log2(r) + 8 for r in ROWS]
    assert value("min(rows, 100, a.bits * 20) + max(1, 2)") == [66.0, 102.0, 102.0]
    assert value("64 < rows <= 128") == [False, True, False]
    assert value("kind == 'sar' and not on or rows == 128") == [False, True, False]
    assert value("kind in ['flash', 'ramp'] or rows not in (64, 256)") == [False, True, False]


SIGNS = ["+", "-", "*", "/", "//", "%", "<", "<=", "==", "!="]


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 1e6), st.sampled_from(SIGNS))
def test_two_numbers_give_what_python_gives(first: float, second: float, sign: str) -> None:
    text = f"x {sign} y"
    found = compile_expression(text, {"x": "number", "y": "number"}).evaluate({"x": first, "y": second})
    assert found == pytest.approx(eval(text, {"x": first, "y": second}), nan_ok=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("__import__('os')", "'__import__('os')' is not allowed; allowed: numbers"),
        ("rows.__class__", "unknown name 'rows.__class__'"),
        ("[r for r in rows]", "is not allowed"),
        ("(lambda: 1)()", "is not allowed"),
        ("rows if on else 1", "is not allowed"),
        ("rows[0]", "is not allowed"),
        ("f'{rows}'", "is not allowed"),
        ("rows & 1", "is not allowed"),
        ("~rows", "is not allowed"),
        ("(x := 1)", "is not allowed"),
        ("None", "'None' is not allowed"),
        ("1j", "is not allowed"),
        ("rows is 1", "'is' compares nothing here"),
        ("exp(rows)", "'exp(rows)' is not allowed"),
        ("log2(rows, 2)", "log2 takes one number"),
        ("max(rows)", "max takes two numbers or more"),
        ("bits > 1", "'bits' may be a.bits or b.bits; write more of it"),
        ("rowz > 1", "unknown name 'rowz'; did you mean 'a.rows'?"),
        ("quux > 1", "unknown name 'quux'; names are dotted paths such as crossbar.rows"),
        ("kind + 1", "'kind' is text; a number is needed there"),
        ("rows and on", "'rows' is a number; a comparison is needed there"),
        ("-on", "'on' is true or false; a number is needed there"),
        ("kind == 1", "kind (text) and 1 (number) cannot be compared like this"),
        ("kind < 'sar'", "only numbers have an order"),
        ("rows in 3", "'in' needs a list"),
        ("rows >", "not an expression (invalid syntax)"),
        ("rows = 1", "not an expression"),
        ("import os", "not an expression"),
        ("1; 2", "not an expression"),
        ("", "not an expression"),
        ("x" * 1001, "longer than 1000 characters"),
        ("+".join(["1"] * 400), "more than 300 parts, or nested deeper than 50"),
        ("-" * 900 + "1", "nested"),
        ("(" * 300 + "1" + ")" * 300, "nested"),
        ("9" * 400, "too large"),
        ("\x00", "not an expression"),
    ],
)
def test_what_is_not_allowed_is_told(text: str, message: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text, KINDS)
    assert message in str(caught.value)


def test_towers_of_powers_are_doubles() -> None:
    with np.errstate(all="ignore"):
        assert value("9 ** 9 ** 9 ** 9 > 1") == [True] * 3  # as whole numbers this would never end


def test_the_first_names_win() -> None:
    assert compile_expression("bits", KINDS, ["b.bits"]).names == ("b.bits",)
