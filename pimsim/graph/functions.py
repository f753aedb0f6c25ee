"""Local functions of a model written out where they are called, with the growth counted before it happens."""

from __future__ import annotations

from collections.abc import Iterable

import onnx
import onnx.inliner
from onnx import FunctionProto, ModelProto, NodeProto

from pimsim.errors import InputError, printable
from pimsim.graph.ordering import subgraphs
from pimsim.graph.sizes import LARGEST_NODES

_Key = tuple[str, str, str]


def check_functions(model: ModelProto) -> None:
    """Raise InputError if local functions call each other in a circle, or if the model would have more than
    LARGEST_NODES nodes once they are inlined."""
    if not model.functions:
        return
    size = _expanded_size(model)
    if size > LARGEST_NODES:
        raise InputError(
            f"has {size} nodes once its local functions are inlined; at most {LARGEST_NODES} are allowed"
        )


def inline(model: ModelProto) -> ModelProto:
    """`model` with every call of a local function replaced by the function's nodes; see `check_functions`.

    Raises InputError if the onnx package cannot inline them.
    """
    try:
        result = onnx.inliner.inline_local_functions(model)
        if result.functions:
            result = onnx.inliner.inline_local_functions(model, convert_version=True)
    except (RuntimeError, ValueError, TypeError, onnx.checker.ValidationError) as error:
        message = printable(" ".join(str(error).split()), 300)
        raise InputError(f"local functions cannot be inlined: {message}") from error
    del result.functions[:]
    return result


def _key(domain: str, name: str, overload: str) -> _Key:
    return ("" if domain == "ai.onnx" else domain, name, overload)


def _all_nodes(nodes: Iterable[NodeProto]) -> Iterable[NodeProto]:
    stack = list(nodes)
    while stack:
        node = stack.pop()
        yield node
        for _, graph in subgraphs(node):
            stack.extend(graph.node)


def _expanded_size(model: ModelProto) -> int:
    functions: dict[_Key, FunctionProto] = {}
    for function in model.functions:
        key = _key(function.domain, function.name, function.overload)
        if key in functions:
            raise InputError(f"local function '{printable(function.name)}' is defined twice")
        functions[key] = function
    own: dict[_Key, int] = {}
    calls: dict[_Key, dict[_Key, int]] = {}
    for key, function in functions.items():
        own[key], calls[key] = _census(function.node, functions)
    sizes = _sizes(functions, own, calls)
    nodes, called = _census(model.graph.node, functions)
    return nodes + sum(count * sizes[key] for key, count in called.items())


def _census(nodes: Iterable[NodeProto], functions: dict[_Key, FunctionProto]) -> tuple[int, dict[_Key, int]]:
    """Nodes that are no calls, and the number of calls of every function."""
    count, called = 0, dict[_Key, int]()
    for node in _all_nodes(nodes):
        key = _key(node.domain, node.op_type, node.overload)
        if key in functions:
            called[key] = called.get(key, 0) + 1
        else:
            count += 1
    return count, called


def _sizes(
    functions: dict[_Key, FunctionProto], own: dict[_Key, int], calls: dict[_Key, dict[_Key, int]]
) -> dict[_Key, int]:
    """Expanded size of every function; callees first, without recursion."""
    sizes: dict[_Key, int] = {}
    for root in functions:
        stack, open_ = [root], dict[_Key, None]()
        while stack:
            key = stack[-1]
            if key in sizes:
                stack.pop()
                continue
            pending = [callee for callee in calls[key] if callee not in sizes]
            if not pending:
                sizes[key] = own[key] + sum(count * sizes[callee] for callee, count in calls[key].items())
                open_.pop(key, None)
                stack.pop()
                continue
            open_[key] = None
            circle = next((callee for callee in pending if callee in open_), None)
            if circle is not None:
                names = [printable(k[1]) for k in list(open_)[list(open_).index(circle) :]]
                raise InputError(f"local functions call each other in a circle: {' -> '.join([*names, names[0]])}")
            stack.append(pending[0])
    return sizes
