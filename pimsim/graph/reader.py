"""An ONNX file read into a `Graph`: checked, dimensions bound, functions inlined, shapes and constants known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import GraphProto, ModelProto, TypeProto, ValueInfoProto, shape_inference

from pimsim.errors import InputError, Place, printable
from pimsim.graph.building import Builder, Scope, element_types, enter
from pimsim.graph.dims import batch_of, bind_inputs, declared_names, substitute
from pimsim.graph.functions import check_functions, inline
from pimsim.graph.model_file import load_model
from pimsim.graph.nodes import Graph, Tensor
from pimsim.graph.stripping import Store, strip, without_weights
from pimsim.graph.tidy import tidy
from pimsim.graph.types import tensor_of

GENERIC_NAMES = frozenset(
    (
        "", "cntkgraph", "converted_graph", "graph", "main", "main_graph", "maingraph", "model", "onnx_model",
        "onnxmodel", "tf2onnx", "torch-jit-export", "torch_jit",
    )
)  # fmt: skip
"""Names (in lower case) that exporters give to every graph alike."""


def read_graph(
    path: str | os.PathLike[str] | ModelProto,
    *,
    batch: int | None = None,
    dims: Mapping[str, int] | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    trips: int | None = None,
    branch: str | None = None,
) -> Graph:
    """The graph of an ONNX model, given as a path or as a parsed model (which stays as it is).

    batch: size of the first dimension of every input where the model leaves it open (None: what its metadata give
    under "pimsim.batch", else such a dimension is an error).
    dims: sizes of named dimensions. shapes: whole shapes of inputs, by input name.
    trips: trip count assumed for loops whose count the model does not fix.
    branch: "then" or "else": the branch that decides shapes where the condition of an If is not known.
    Raises InputError if the file is not a model that the onnx package finds sound, if a dimension stays open, or if
    shapes contradict each other.
    """
    folder: Path | None = None
    source = ""
    if isinstance(path, ModelProto):
        try:
            model, left_out = without_weights(path)
        except (DecodeError, EncodeError) as error:
            raise InputError("the model is nested too deeply: subgraphs or types inside one another") from error
    else:
        folder, source = Path(path).parent, str(path)
        model, left_out = load_model(Path(path))
    try:
        store = Store(folder, left_out=left_out)
        return _read(model, store, source, batch, dict(dims or {}), dict(shapes or {}), trips, branch)
    except InputError as error:
        if not source or error.problems[0].startswith(source):
            raise
        raise InputError(error.problems[0], Place(source), more=error.problems[1:]) from error


def _read(
    model: ModelProto,
    store: Store,
    source: str,
    batch: int | None,
    dims: dict[str, int],
    shapes: dict[str, Sequence[int]],
    trips: int | None,
    branch: str | None,
) -> Graph:
    own_batch = batch_of(model)
    opsets = tidy(model)
    initial = {t.name for t in model.graph.initializer} | {t.values.name for t in model.graph.sparse_initializer}
    own = [value for value in model.graph.input if value.name not in initial]
    binding = bind_inputs(
        own, declared_names(model.graph), batch=batch, dims=dims, shapes=shapes, own_batch=own_batch
    )
    strip(model.graph, store)
    _agree_with_initializers(model.graph, store, initial)
    check_functions(model)
    results = _without_untyped(model.graph)
    _check(model)
    if model.functions:
        model = inline(model)
        strip(model.graph, store)  # constants that stood in functions
    hints = element_types(model.graph)
    for proto in hints.values():
        substitute(proto, binding.names)
    hints = {name: _copied(proto) for name, proto in hints.items()}
    inputs = [tensor_of(v.name, v.type) for v in model.graph.input if v.name not in store.tensors]
    types = _infer(model)
    builder = Builder({entry.domain: entry.version for entry in model.opset_import}, trips, branch, binding.names)
    builder.budget = 4 * len(model.graph.node) + 10_000
    scope = Scope()
    scope.tensors.update((tensor.name, tensor) for tensor in inputs)
    scope.tensors.update(store.tensors)
    enter(model.graph, scope, "", store.tensors)
    nodes = builder.walk(model.graph, scope, types, hints)
    outputs = tuple(scope.find(name) or tensor_of(name, proto) for name, proto in results)
    notes = (*opsets.notes, *binding.notes, *store.notes(), *builder.notes)
    opset = builder.versions.get("", 0)
    return Graph(_name(model.graph.name, source), nodes, tuple(inputs), outputs, opset, notes, source)


def _name(name: str, source: str) -> str:
    """What to call the model: its graph's name, or the file's where exporters give every graph the same one."""
    return Path(source).stem or name if source and name.lower() in GENERIC_NAMES else name


def _without_untyped(graph: GraphProto) -> list[tuple[str, TypeProto]]:
    """Names and declared types of the outputs; those without a type leave `graph`, since the checker wants one."""
    results = [(value.name, _copied(value.type)) for value in graph.output]
    typed = [_copied_value(value) for value in graph.output if value.type.WhichOneof("value") is not None]
    if len(typed) < len(results):
        del graph.output[:]
        graph.output.extend(typed)
    return results


def _copied(proto: TypeProto) -> TypeProto:
    copy = TypeProto()
    copy.CopyFrom(proto)
    return copy


def _copied_value(value: ValueInfoProto) -> ValueInfoProto:
    copy = ValueInfoProto()
    copy.CopyFrom(value)
    return copy


def _agree_with_initializers(graph: GraphProto, store: Store, initial: set[str]) -> None:
    """An initialiser that is also an input has the initialiser's shape, whatever the input declares."""
    for value in graph.input:
        if value.name in initial:
            tensor = store.tensors[value.name]
            kind = value.type.tensor_type
            del kind.shape.dim[:]
            kind.shape.SetInParent()
            for size in tensor.shape or ():
                kind.shape.dim.add().dim_value = size


def _check(model: ModelProto) -> None:
    """The onnx checker over everything but the weights; outputs without a declared shape are sound enough."""
    shapeless = [v.type.tensor_type for v in model.graph.output if v.type.HasField("tensor_type")]
    shapeless = [kind for kind in shapeless if not kind.HasField("shape")]
    for kind in shapeless:
        kind.shape.SetInParent()
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        message = " ".join(str(error).split())
        raise InputError(f"the onnx checker refuses the model: {printable(message, 400)}") from error
    except (ValueError, TypeError, RuntimeError, IndexError, EncodeError, DecodeError) as error:
        message = " ".join(str(error).split())
        raise InputError(f"the onnx checker fails on the model: {printable(message, 400)}") from error
    for kind in shapeless:
        kind.ClearField("shape")


def _infer(model: ModelProto) -> dict[str, TypeProto]:
    """Types of all values of the main graph, from its inputs alone: declared shapes are not trusted.

    Without data propagation: for a vector of n elements onnx allocates n dimensions, which for a flattened tensor is
    more memory than the machine has. `Builder` propagates the values of small tensors itself.
    """
    del model.graph.value_info[:]
    for value in model.graph.output:
        if value.type.HasField("tensor_type"):
            value.type.tensor_type.ClearField("shape")
    try:
        inferred = shape_inference.infer_shapes(model)
    except (shape_inference.InferenceError, ValueError, TypeError, RuntimeError, EncodeError, DecodeError):
        return {}  # node by node, with the place of what fails
    return element_types(inferred.graph)


__all__ = ["Tensor", "read_graph"]
