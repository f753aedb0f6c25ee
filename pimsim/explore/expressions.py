"""Arithmetic and comparisons over knobs, as a space file writes them: read by Python's parser, evaluated by nobody's.

Only what stands in the tables below is accepted; everything is a double, a text or a truth value, so that no expression
can take long or grow large. Evaluation is over arrays: one call for a chunk of points.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pimsim.errors import printable
from pimsim.hardware.suggest import nearest

MAX_LENGTH = 1000
MAX_PARTS = 300

Array = Any
Evaluate = Callable[[Mapping[str, Array]], Array]
_ARITHMETIC: dict[type[ast.operator], Callable[..., Array]] = {
    ast.Add: np.add, ast.Sub: np.subtract, ast.Mult: np.multiply, ast.Div: np.true_divide,
    ast.FloorDiv: np.floor_divide, ast.Mod: np.mod, ast.Pow: np.float_power,
}  # fmt: skip
_COMPARISONS: dict[type[ast.cmpop], Callable[..., Array]] = {
    ast.Lt: np.less, ast.LtE: np.less_equal, ast.Gt: np.greater, ast.GtE: np.greater_equal, ast.Eq: np.equal,
    ast.NotEq: np.not_equal,
}  # fmt: skip
_FUNCTIONS: dict[str, tuple[Callable[..., Array], int]] = {
    "abs": (np.abs, 1), "ceil": (np.ceil, 1), "floor": (np.floor, 1), "log2": (np.log2, 1), "sqrt": (np.sqrt, 1),
    "min": (np.minimum, 2), "max": (np.maximum, 2),
}  # fmt: skip
ALLOWED = (
    "numbers, texts in quotes, names of knobs, + - * / // % **, comparisons, in [...], and, or, not, "
    f"{', '.join(_FUNCTIONS)}"
)


class ExpressionError(ValueError):
    """What is wrong with an expression, in words; the caller adds the place."""


@dataclass(frozen=True)
class Expression:
    """`text` compiled. kind: "number", "text" or "truth". names: the knobs and hardware values that it reads."""

    text: str
    kind: str
    names: tuple[str, ...]
    evaluate: Evaluate


def compile_expression(text: str, kinds: Mapping[str, str], first: Sequence[str] = ()) -> Expression:
    """`text` over the names in `kinds` (name -> "number", "text" or "truth"). The end of a dotted name will do where
    just one of `first`, or else of all names, ends so.

    Raises ExpressionError with what is allowed, or with the nearest name.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"longer than {MAX_LENGTH} characters")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as fault:
        reason = fault.msg if isinstance(fault, SyntaxError) else "nested too deeply"
        raise ExpressionError(f"not an expression ({printable(reason, 100)}); allowed: {ALLOWED}") from None
    compiler = _Compiler(kinds, first)
    kind, evaluate = compiler.part(tree, 0)
    return Expression(text, kind, tuple(compiler.names), evaluate)


class _Compiler:
    """Turns each node of the tree into a function of {name: array}."""

    def __init__(self, kinds: Mapping[str, str], first: Sequence[str]):
        self.kinds, self.first = kinds, first
        self.names: dict[str, None] = {}
        self.parts = 0

    def part(self, node: ast.expr, depth: int) -> tuple[str, Evaluate]:
        self.parts += 1
        if self.parts > MAX_PARTS or depth > 50:
            raise ExpressionError(f"more than {MAX_PARTS} parts, or nested deeper than 50")
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name | ast.Attribute):
            return self._name(node)
        if isinstance(node, ast.BinOp) and type(node.op) in _ARITHMETIC:
            do = _ARITHMETIC[type(node.op)]
            left, right = self._of("number", node.left, depth), self._of("number", node.right, depth)
            return "number", lambda values: do(left(values), right(values))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node, depth)
        if isinstance(node, ast.BoolOp):
            parts = [self._of("truth", value, depth) for value in node.values]
            join = np.logical_and if isinstance(node.op, ast.And) else np.logical_or
            return "truth", lambda values: _fold(join, [part(values) for part in parts])
        if isinstance(node, ast.Compare):
            return "truth", self._comparison(node, depth)
        if isinstance(node, ast.Call):
            return "number", self._call(node, depth)
        raise ExpressionError(f"'{printable(ast.unparse(node), 60)}' is not allowed; allowed: {ALLOWED}")

    def _of(self, kind: str, node: ast.expr, depth: int) -> Evaluate:
        found, evaluate = self.part(node, depth + 1)
        if found != kind:
            wanted = {"number": "a number", "truth": "a comparison", "text": "text"}[kind]
            given = {"number": "a number", "truth": "true or false", "text": "text"}[found]
            raise ExpressionError(f"'{printable(ast.unparse(node), 60)}' is {given}; {wanted} is needed there")
        return evaluate

    def _constant(self, node: ast.Constant) -> tuple[str, Evaluate]:
        value = node.value
        if isinstance(value, bool):
            return "truth", lambda values: value
        if isinstance(value, int | float):
            try:
                number = float(value)
            except OverflowError:
                raise ExpressionError(f"the number {printable(value, 20)} is too large") from None
            return "number", lambda values: number
        if isinstance(value, str):
            return "text", lambda values: value
        raise ExpressionError(f"'{printable(ast.unparse(node), 60)}' is not allowed; allowed: {ALLOWED}")

    def _name(self, node: ast.Name | ast.Attribute) -> tuple[str, Evaluate]:
        name = self._full_name(ast.unparse(node))
        self.names[name] = None
        return self.kinds[name], lambda values: values[name]

    def _full_name(self, name: str) -> str:
        """A whole dotted path, or the end of just one."""
        if name in self.kinds:
            return name
        for names in (self.first, self.kinds):
            ends = [known for known in names if known.endswith("." + name)]
            if len(ends) == 1:
                return ends[0]
            if ends:
                break
        shown = printable(name, 60)
        if ends:
            raise ExpressionError(f"'{shown}' may be {' or '.join(ends[:4])}; write more of it")
        by_end = {known.rpartition(".")[2]: known for known in self.kinds}
        near = nearest(name, self.kinds) or by_end.get(nearest(name, by_end) or "")
        meant = f"did you mean '{near}'?" if near else "names are dotted paths such as crossbar.rows"
        raise ExpressionError(f"unknown name '{shown}'; {meant}")

    def _unary(self, node: ast.UnaryOp, depth: int) -> tuple[str, Evaluate]:
        if isinstance(node.op, ast.Not):
            truth = self._of("truth", node.operand, depth)
            return "truth", lambda values: np.logical_not(truth(values))
        if isinstance(node.op, ast.USub):
            number = self._of("number", node.operand, depth)
            return "number", lambda values: np.negative(number(values))
        if isinstance(node.op, ast.UAdd):
            return "number", self._of("number", node.operand, depth)
        raise ExpressionError(f"'{printable(ast.unparse(node), 60)}' is not allowed; allowed: {ALLOWED}")

    def _comparison(self, node: ast.Compare, depth: int) -> Evaluate:
        links = []
        left = node.left
        for operator, right in zip(node.ops, node.comparators, strict=True):
            links.append(self._link(left, operator, right, depth))
            left = right
        return lambda values: _fold(np.logical_and, [link(values) for link in links])

    def _link(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Evaluate:
        if isinstance(operator, ast.In | ast.NotIn):
            return self._membership(left, operator, right, depth)
        if type(operator) not in _COMPARISONS:
            raise ExpressionError(f"'is' compares nothing here; allowed: {ALLOWED}")
        do = _COMPARISONS[type(operator)]
        (kind, first), (other, second) = self.part(left, depth + 1), self.part(right, depth + 1)
        ordered = not isinstance(operator, ast.Eq | ast.NotEq)
        if kind != other or (ordered and kind != "number"):
            shown = f"{printable(ast.unparse(left), 40)} ({kind}) and {printable(ast.unparse(right), 40)} ({other})"
            raise ExpressionError(f"{shown} cannot be compared like this; only numbers have an order")
        return lambda values: do(first(values), second(values))

    def _membership(self, left: ast.expr, operator: ast.cmpop, right: ast.expr, depth: int) -> Evaluate:
        if not isinstance(right, ast.List | ast.Tuple | ast.Set) or not right.elts:
            raise ExpressionError("'in' needs a list, e.g. crossbar.adc.kind in ['sar', 'flash']")
        links = [self._link(left, ast.Eq(), item, depth) for item in right.elts]
        if isinstance(operator, ast.In):
            return lambda values: _fold(np.logical_or, [link(values) for link in links])
        return lambda values: np.logical_not(_fold(np.logical_or, [link(values) for link in links]))

    def _call(self, node: ast.Call, depth: int) -> Evaluate:
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name not in _FUNCTIONS or node.keywords:
            raise ExpressionError(f"'{printable(ast.unparse(node), 60)}' is not allowed; allowed: {ALLOWED}")
        do, least = _FUNCTIONS[name]
        if len(node.args) < least or (least == 1 and len(node.args) > 1):
            raise ExpressionError(f"{name} takes {'one number' if least == 1 else 'two numbers or more'}")
        parts = [self._of("number", argument, depth) for argument in node.args]
        if least == 1:
            return lambda values: do(parts[0](values))
        return lambda values: _fold(do, [part(values) for part in parts])


def _fold(do: Callable[..., Array], parts: list[Array]) -> Array:
    result = parts[0]
    for part in parts[1:]:
        result = do(result, part)
    return result
