"""Binding of the open dimensions of a model's inputs, before shapes are inferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote

from onnx import GraphProto, ModelProto, TypeProto, ValueInfoProto

from pimsim.errors import InputError, printable
from pimsim.graph.sizes import LARGEST_TYPE_DEPTH, checked_shape, nearest

BATCH_KEY = "pimsim.batch"
"""Entry of a model's metadata: the batch where the user names none. Exporters write it into models of open batch."""


@dataclass
class Binding:
    """What `bind_inputs` found out: values of the named dimensions, notes for the user."""

    names: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def bind_inputs(
    inputs: Sequence[ValueInfoProto],
    declared: set[str],
    *,
    batch: int | None,
    dims: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
    own_batch: int | None = None,
) -> Binding:
    """Write a number into every open dimension of `inputs` (in place).

    declared: dimension names that stand elsewhere in the model; `dims` may name them too. own_batch: the model's own
    (`batch_of`), for first dimensions that nothing else binds.
    Raises InputError listing every dimension that is still open, and for names that the model does not have,
    values that are not positive, and values that contradict each other or the model.
    """
    binding = Binding()
    _check_request(inputs, declared, batch, dims, shapes)
    binding.names.update(dims)
    for value in inputs:
        if value.name in shapes:
            _bind_whole(value, shapes[value.name], binding)
    for value in inputs:
        if batch is not None:
            _bind_batch(value, batch, binding)
    for value in inputs:
        substitute(value.type, binding.names)
    if own_batch is not None and any(_open_first(value) for value in inputs):
        for value in inputs:
            if _open_first(value):
                _bind_batch(value, own_batch, binding)
        for value in inputs:
            substitute(value.type, binding.names)
        binding.notes.append(f"the batch is {own_batch}, as the model's metadata say; --batch N for another")
    problems = [line for value in inputs for line in _open_dimensions(value)]
    if problems:
        count = len(problems)
        head = f"{count} input dimension{'s are' if count > 1 else ' is'} open; bind {'them' if count > 1 else 'it'}:"
        raise InputError(head, more=tuple(problems))
    return binding


def batch_of(model: ModelProto) -> int | None:
    """What the metadata of a model give as batch, None where they say nothing. Raises InputError for no number above
    0."""
    for entry in model.metadata_props:
        if entry.key == BATCH_KEY:
            if not (entry.value.isascii() and entry.value.isdigit() and 0 < len(entry.value) < 10 and int(entry.value)):
                found = printable(entry.value, 40)
                raise InputError(f"metadata {BATCH_KEY}: expected a whole number from 1 to 999999999; got '{found}'")
            return int(entry.value)
    return None


def _open_first(value: ValueInfoProto) -> bool:
    if not value.type.HasField("tensor_type"):
        return False
    dimensions = value.type.tensor_type.shape.dim
    return bool(dimensions) and not dimensions[0].dim_value


def dimension_names(inputs: Sequence[ValueInfoProto]) -> list[str]:
    """Names of symbolic dimensions on `inputs`, in order of appearance."""
    seen: dict[str, None] = {}
    for value in inputs:
        for dimension in _element(value.type).tensor_type.shape.dim:
            if dimension.dim_param:
                seen[dimension.dim_param] = None
    return list(seen)


def _element(proto: TypeProto) -> TypeProto:
    """The type inside sequences and optionals."""
    for _ in range(LARGEST_TYPE_DEPTH):
        if proto.HasField("sequence_type"):
            proto = proto.sequence_type.elem_type
        elif proto.HasField("optional_type"):
            proto = proto.optional_type.elem_type
        else:
            break
    return proto


def declared_names(graph: GraphProto) -> set[str]:
    """Names of symbolic dimensions on outputs and intermediate values."""
    return set(dimension_names(graph.output)) | set(dimension_names(graph.value_info))


def substitute(proto: TypeProto, names: Mapping[str, int]) -> None:
    """Write the values of `names` into the symbolic dimensions of a tensor type (in place)."""
    if not proto.HasField("tensor_type"):
        return
    for dimension in proto.tensor_type.shape.dim:
        if dimension.dim_param in names:
            dimension.dim_value = names[dimension.dim_param]


def _check_request(
    inputs: Sequence[ValueInfoProto],
    declared: set[str],
    batch: int | None,
    dims: Mapping[str, int],
    shapes: Mapping[str, Sequence[int]],
) -> None:
    problems: list[str] = []
    if batch is not None and batch < 1:
        problems.append(f"--batch {batch}: must be at least 1")
    on_inputs = dimension_names(inputs)
    for name, size in dims.items():
        if name not in declared and name not in on_inputs:
            hint = nearest(name, on_inputs, "named dimensions")
            problems.append(f"--dim {printable(name)}={size}: the model has no dimension of that name; {hint}")
        elif size < 1:
            problems.append(f"--dim {printable(name)}={size}: must be at least 1")
    names = [value.name for value in inputs]
    for name, shape in shapes.items():
        text = f"--shape {printable(name)}={'x'.join(str(d) for d in shape)}"
        if name not in names:
            problems.append(f"{text}: the model has no input of that name; {nearest(name, names, 'inputs')}")
        elif any(d < 0 for d in shape):
            problems.append(f"{text}: dimensions must not be negative")
    if problems:
        raise InputError(problems[0], more=tuple(problems[1:]))


def _bind_whole(value: ValueInfoProto, shape: Sequence[int], binding: Binding) -> None:
    what = f"--shape {printable(value.name)}={'x'.join(str(d) for d in shape)}"
    checked_shape(shape, what)
    if not value.type.HasField("tensor_type"):
        raise InputError(f"{what}: the input is not a tensor")
    tensor = value.type.tensor_type
    if not tensor.HasField("shape"):
        for size in shape:
            tensor.shape.dim.add().dim_value = size
        tensor.shape.SetInParent()
        return
    declared = "x".join(_shown(dimension) for dimension in tensor.shape.dim) or "scalar"
    if len(tensor.shape.dim) != len(shape):
        raise InputError(f"{what}: the model declares {len(tensor.shape.dim)} dimensions ({declared})")
    for axis, (dimension, size) in enumerate(zip(tensor.shape.dim, shape, strict=True)):
        if dimension.HasField("dim_value"):
            if dimension.dim_value not in (0, size):  # 0 is a placeholder in files of some exporters
                fixed = f"dimension {axis} is fixed at {dimension.dim_value}"
                raise InputError(f"{what}: {fixed} in the model ({declared})")
            dimension.dim_value = size
            continue
        if dimension.dim_param:
            known = binding.names.setdefault(dimension.dim_param, size)
            if known != size:
                name = printable(dimension.dim_param)
                raise InputError(f"{what}: dimension {axis} is '{name}', which is bound to {known} elsewhere")
        dimension.dim_value = size


def _bind_batch(value: ValueInfoProto, batch: int, binding: Binding) -> None:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.shape.dim:
        return
    first = value.type.tensor_type.shape.dim[0]
    name = first.dim_param
    fixed = binding.names.get(name) if name else None
    if first.HasField("dim_value"):
        fixed = first.dim_value or None
    if fixed is None:
        if name:
            binding.names[name] = batch
        first.dim_value = batch
    elif fixed != batch:
        binding.notes.append(
            f"input '{printable(value.name)}': the first dimension is fixed at {fixed}; --batch {batch} does not apply"
        )


def _open_dimensions(value: ValueInfoProto) -> list[str]:
    if not value.type.HasField("tensor_type"):
        return []
    tensor, name = value.type.tensor_type, printable(value.name)
    if not tensor.HasField("shape"):
        return [f"input '{name}': the rank is unknown: --shape {quote(name)}=AxBxC"]
    template = "x".join(
        str(d.dim_value) if d.HasField("dim_value") else chr(ord("A") + axis % 26)
        for axis, d in enumerate(tensor.shape.dim)
    )
    lines = []
    for axis, dimension in enumerate(tensor.shape.dim):
        if dimension.HasField("dim_value"):
            continue
        ways = [f"--dim {quote(printable(dimension.dim_param))}=N"] if dimension.dim_param else []
        if axis == 0:
            ways.append("--batch N")
        ways.append(f"--shape {quote(name)}={template}")
        called = f"'{printable(dimension.dim_param)}'" if dimension.dim_param else "without a name"
        lines.append(f"input '{name}', dimension {axis} ({called}): {' or '.join(ways)}")
    return lines


def _shown(dimension: object) -> str:
    if dimension.HasField("dim_value"):  # type: ignore[attr-defined]
        return str(dimension.dim_value)  # type: ignore[attr-defined]
    return printable(getattr(dimension, "dim_param", "")) or "?"
