"""Real activations: a model run on the user's samples, and what its values look like where a layer reads them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError, EncodeError
from onnx import ModelProto, TensorProto, external_data_helper

from pimsim.arrays_file import read_arrays
from pimsim.errors import InputError, Place, printable
from pimsim.graph.dtypes import NAMES
from pimsim.graph.model_file import external_file_present
from pimsim.graph.sizes import LARGEST_FILE_BYTES

SAMPLE = 65_536
"""Values of one activation that are kept, over all samples together."""

LARGEST_CHUNK_BYTES = 2**28
"""Activations of the samples that are run at once take about so much memory."""

MOST_AT_ONCE = 64

INSTALL = "pip install 'onnxruntime>=1.20'"

_DTYPES = {
    "float32": np.float32, "float64": np.float64, "float16": np.float16, "int8": np.int8, "int16": np.int16,
    "int32": np.int32, "int64": np.int64, "uint8": np.uint8, "uint16": np.uint16, "uint32": np.uint32,
    "uint64": np.uint64, "bool": np.bool_,
}  # fmt: skip

Arrays = Mapping[str, np.ndarray[Any, Any]]


@dataclass
class Seen:
    """What has been seen of one activation: a sample of its finite values, their largest magnitude, its type."""

    pieces: list[np.ndarray[Any, Any]] = field(default_factory=list)
    largest: float = 0.0
    stored_bits: int = 0  # of an integer type of at most 8 bits, else 0

    @property
    def values(self) -> np.ndarray[Any, Any]:
        """The sample, flat."""
        return np.concatenate(self.pieces) if self.pieces else np.zeros(0, np.float32)

    def take(self, values: np.ndarray[Any, Any], most: int) -> None:
        """Adds at most `most` of `values`, evenly spread."""
        flat = values.reshape(-1)
        if flat.dtype.kind in "iu" and flat.dtype.itemsize == 1:
            self.stored_bits = 8
        flat = flat.astype(np.int64) if flat.dtype.kind in "iub" else flat.astype(np.float32)
        flat = flat[np.isfinite(flat)]
        if not flat.size:
            return
        self.largest = max(self.largest, float(flat.max()), -float(flat.min()))
        if flat.size > most:
            flat = flat[np.linspace(0, flat.size - 1, most).astype(np.int64)]
        self.pieces.append(flat)


def run_samples(source: str, inputs: str, names: Collection[str]) -> tuple[dict[str, Seen], int]:
    """({value of the main graph: what was seen of it}, samples) of the model file at `source` on the arrays in the
    .npz file `inputs`: one array an input of the model, under its name, the first axis being the samples.

    Values in `names` that the main graph does not have are left out. Raises InputError when onnxruntime is not there,
    the arrays are not those that the model expects, or the model does not run.
    """
    runtime = _runtime()
    arrays = read_arrays(inputs)
    model = _whole_model(source)
    runs = _Runs(model, arrays, inputs)
    wanted = _offered(model, names)
    declared = {value.name for value in model.graph.output}
    for name in wanted:
        if name not in declared and name not in runs.specs:
            model.graph.output.append(onnx.ValueInfoProto(name=name))
    seen: dict[str, Seen] = {name: Seen() for name in wanted}
    place = Place(source)
    session = _session(runtime, model, place)
    asked = [name for name in wanted if name not in runs.specs]
    for feed in runs.feeds(_bytes_a_sample(model)):
        try:
            results = session.run(asked, feed) if asked else []
        except Exception as error:  # onnxruntime's exceptions have no common type but this one
            raise InputError(f"does not run on these inputs: {_line(error)}", place) from error
        most = max(1, SAMPLE // runs.count)
        for name, value in [*zip(asked, results, strict=True), *((n, feed[n]) for n in wanted if n in feed)]:
            if isinstance(value, np.ndarray) and value.dtype.kind in "biuf":
                seen[name].take(value, most)
    return {name: entry for name, entry in seen.items() if entry.pieces}, runs.samples


def _runtime() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise InputError(f"--inputs runs the model with onnxruntime, which is not installed: {INSTALL}") from error
    return onnxruntime


def _session(runtime: Any, model: ModelProto, place: Place) -> Any:
    options = runtime.SessionOptions()
    options.log_severity_level = 4
    try:
        content = model.SerializeToString()
        return runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except (EncodeError, ValueError) as error:
        raise InputError("with its weights the model is larger than 2 GiB: --inputs cannot run it", place) from error
    except Exception as error:  # as above
        raise InputError(f"cannot be run by onnxruntime: {_line(error)}", place) from error


def _line(error: BaseException) -> str:
    return printable(" ".join(str(error).split()), 400)


def _whole_model(source: str) -> ModelProto:
    """The model with all its weights; external data through the onnx loader, from inside its folder only."""
    place = Place(source)
    if not source:
        raise InputError("--inputs needs a model that was read from an ONNX file")
    path = Path(source)
    try:
        with open(path, "rb") as stream:
            content = stream.read(LARGEST_FILE_BYTES + 1)
        model = ModelProto()
        model.ParseFromString(content)
    except (OSError, DecodeError) as error:
        raise InputError(f"cannot be read again: {_line(error)}", place) from error
    outside = [t for t in _tensors(model) if t.data_location == TensorProto.EXTERNAL]
    claimed = 0
    for tensor in outside:
        if not external_file_present(tensor, path.parent):
            raise InputError(f"the external data of '{printable(tensor.name)}' are not there: it cannot be run", place)
        entries = {entry.key: entry.value for entry in tensor.external_data}
        size = (path.parent / entries["location"]).stat().st_size
        claimed += min(size, int(entries["length"])) if entries.get("length", "").isdecimal() else size
    if claimed > LARGEST_FILE_BYTES:
        raise InputError(f"has {claimed} bytes of external data; --inputs runs models of at most 2 GiB", place)
    try:
        for tensor in outside:
            external_data_helper.load_external_data_for_tensor(tensor, str(path.parent))
            tensor.data_location = TensorProto.DEFAULT
            del tensor.external_data[:]
    except (onnx.checker.ValidationError, OSError, ValueError, RuntimeError) as error:
        raise InputError(f"its external data cannot be read: {_line(error)}", place) from error
    return model


def _tensors(model: ModelProto) -> Iterator[TensorProto]:
    """All stored tensors, those of subgraphs and functions too."""
    yield from external_data_helper._get_all_tensors(model)
    for function in model.functions:
        for node in function.node:
            yield from (attribute.t for attribute in node.attribute if attribute.HasField("t"))


def _offered(model: ModelProto, names: Collection[str]) -> list[str]:
    """Those of `names` that the main graph computes or is given."""
    known = {name for node in model.graph.node for name in node.output if name}
    known |= {value.name for value in model.graph.input}
    return [name for name in dict.fromkeys(names) if name in known]


def _bytes_a_sample(model: ModelProto) -> int:
    """A bound of the activations of one sample, as far as the model declares shapes; at least a megabyte."""
    total = 0
    for value in [*model.graph.value_info, *model.graph.output]:
        sizes = [dim.dim_value for dim in value.type.tensor_type.shape.dim[1:]]
        count = 4
        for size in sizes:
            count *= max(1, min(size, 2**20))
        total += min(count, LARGEST_CHUNK_BYTES)
    return max(total, 2**20)


@dataclass(frozen=True)
class _Spec:
    """A model input as declared: element type, and its sizes (None: open)."""

    dtype: str
    shape: tuple[int | None, ...]

    def __str__(self) -> str:
        """The first axis as N samples: any number of them, or of bundles of the size that the model fixes."""
        first = ["N" if size in (None, 1) else f"(N*{size})" for size in self.shape[:1]]
        sizes = "x".join([*first, *("?" if size is None else str(size) for size in self.shape[1:])])
        return f"{self.dtype} of {sizes or 'no dimension'}"


class _Runs:
    """The arrays held against the model's inputs, and cut into runs."""

    def __init__(self, model: ModelProto, arrays: Arrays, path: str):
        self.path = path
        stored = {tensor.name for tensor in model.graph.initializer}
        stored |= {tensor.values.name for tensor in model.graph.sparse_initializer}
        self.specs = {value.name: _spec(value) for value in model.graph.input if value.name not in stored}
        self._check(arrays)
        self.arrays = arrays
        fixed = {name: spec.shape[0] for name, spec in self.specs.items() if spec.shape and spec.shape[0] is not None}
        lengths = {name: arrays[name].shape[0] for name, spec in self.specs.items() if spec.shape}
        runs = {lengths[name] // size for name, size in fixed.items() if size}
        open_lengths = {length for name, length in lengths.items() if name not in fixed}
        if len(runs) > 1 or len(open_lengths) > 1 or (runs and any(n % next(iter(runs)) for n in open_lengths)):
            found = ", ".join(f"'{printable(name)}' {length}" for name, length in lengths.items())
            raise InputError(f"the arrays differ in their number of samples (first axis): {found}", Place(path))
        self.fixed_runs = next(iter(runs), None)
        self.samples = max(lengths.values(), default=1)
        self.count = 1

    def _check(self, arrays: Arrays) -> None:
        problems = []
        for name, spec in self.specs.items():
            if name not in arrays:
                problems.append(f"an array '{printable(name)}' is missing")
                continue
            array = arrays[name]
            fits = len(array.shape) == len(spec.shape) and all(
                size is None or size == given for size, given in zip(spec.shape[1:], array.shape[1:], strict=False)
            )
            if fits and spec.shape:
                first, given = spec.shape[0], array.shape[0]
                fits = given > 0 and (first is None or (first > 0 and given % first == 0))
            if not fits or array.dtype.name != spec.dtype:
                shape = "x".join(map(str, array.shape)) or "no dimension"
                problems.append(f"the array '{printable(name)}' is {array.dtype.name} of {shape}")
        problems += [f"the model has no input '{printable(name)}'" for name in arrays if name not in self.specs]
        if problems:
            expected = ", ".join(f"'{printable(name)}' {spec}" for name, spec in self.specs.items())
            way = f"expected, with the samples along the first axis: {expected or 'no array at all'}"
            lines = [f"{Place(self.path)}: {problem}" for problem in problems[:20]]
            raise InputError(lines[0], more=(*lines[1:], way))

    def feeds(self, bytes_a_sample: int) -> Iterator[dict[str, np.ndarray[Any, Any]]]:
        """The inputs of one run after the other; `count` is set to their number."""
        if self.fixed_runs is not None:
            self.count = self.fixed_runs
        else:
            at_once = max(1, min(MOST_AT_ONCE, LARGEST_CHUNK_BYTES // bytes_a_sample))
            self.count = -(-self.samples // -(-self.samples // -(-self.samples // at_once)))  # no part is empty
        for i in range(self.count):
            yield {name: self._part(name, i) for name in self.specs}

    def _part(self, name: str, i: int) -> np.ndarray[Any, Any]:
        array = self.arrays[name]
        if not self.specs[name].shape:
            return array
        length = -(-array.shape[0] // self.count)
        return array[i * length : (i + 1) * length]


def _spec(value: onnx.ValueInfoProto) -> _Spec:
    kind = value.type.tensor_type
    dtype = NAMES.get(kind.elem_type, "")
    if value.type.WhichOneof("value") != "tensor_type" or dtype not in _DTYPES:
        raise InputError(f"the model's input '{printable(value.name)}' is no tensor of numbers: no array can be given")
    sizes = [dim.dim_value if dim.WhichOneof("value") == "dim_value" else None for dim in kind.shape.dim]
    return _Spec(dtype, tuple(sizes))
