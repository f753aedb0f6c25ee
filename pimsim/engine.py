"""The one place that wires the stages: model -> mapping -> counts x prices -> result."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, overload

from pimsim.cost.evaluator import evaluate as evaluate_one
from pimsim.cost.evaluator import worth_compiling
from pimsim.errors import InputError, printable
from pimsim.functional.operands import KEPT, with_operands
from pimsim.graph import load_model
from pimsim.graph.workload import Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware
from pimsim.mapping.columns import pack
from pimsim.report.result import Result

if TYPE_CHECKING:
    from pimsim.cost.points import Points
    from pimsim.cost.table import Table
    from pimsim.memory.traces import Trace


def simulate(
    model: Workload | str | PathLike[str],
    hardware: Hardware | str | PathLike[str],
    *,
    weight_bits: int | None = None,
    input_bits: int | None = None,
    layer_bits: Mapping[str, Mapping[str, int]] | None = None,
    operands: str = "model",
    inputs: str | PathLike[str] | None = None,
    trace: Trace | str | PathLike[str] | None = None,
    memory: str | PathLike[str] | None = None,
    compiled: bool | None = None,
) -> Result:
    """Energy, latency and area of `model` on `hardware` (each a path, a name of a shipped file, or loaded).

    weight_bits, input_bits: bit widths of this run where the model brings none of its own; the hardware file's
    precision when left out. layer_bits: name pattern (as in a shell) -> {"weight_bits": n, "input_bits": n}, which wins
    over model and run; later patterns win over earlier ones.
    operands: "model" weighs reads by the weights that the model file holds, "default" by the hardware's `operands`.
    inputs: .npz file of samples; the model is run on them, and reads and drives are weighed by its activations. A
    workload out of `with_operands` keeps the densities that it has.
    trace: the table rows that inferences look up (a file, or open), in place of a default trace of the model's tables;
    memory: the memory on whose banks they are looked up, in place of the hardware's (a shipped name, or a file). Either
    counts also where the hardware looks rows up by bandwidth (`memory.lookups`; docs/lookups.md).
    compiled: use the Numba kernels, or run the same lines without compiler, which is sooner for a few calls; None
    begins without and compiles once a loop is under way. The figures are equal to the bit.
    Raises InputError when an input is wrong or the model does not fit a fixed number of chips.
    """
    workload = model if isinstance(model, Workload) else load_model(model)
    machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
    bits = {"weight_bits": weight_bits, "input_bits": input_bits}
    chosen = {key: _bits(key, value) for key, value in bits.items() if value is not None}
    if chosen:
        precision = machine.precision.model_copy(update=chosen)
        machine = machine.model_copy(update={"precision": precision})
    if layer_bits:
        kept = workload.cache
        workload = with_layer_bits(workload, layer_bits)
        workload.cache.update((key, kept[key]) for key in KEPT if key in kept)
    workload = with_operands(workload, machine, inputs=inputs, operands=operands)
    workload = _looked_up(workload, machine, trace, memory)
    packed = pack(workload)
    compile_kernels = worth_compiling(packed) if compiled is None else compiled
    evaluation = evaluate_one(packed, machine, compile_kernels=compile_kernels)
    return Result(workload, HardwareInfo(machine), evaluation, Warnings(machine))


def _looked_up(
    workload: Workload,
    hardware: Hardware,
    trace: Trace | str | PathLike[str] | None = None,
    memory: str | PathLike[str] | None = None,
) -> Workload:
    """`workload` with its lookups run on the banks; all that there is of memories stays away from models without."""
    if trace is None and not workload.looks_up:
        return workload
    from pimsim.memory.lookups import with_lookups

    return with_lookups(workload, hardware, trace, memory)


def evaluate(
    workloads: Any,
    points: Points | Hardware | str | PathLike[str] | Sequence[Hardware | str | PathLike[str]],
    *,
    pairs: bool = False,
    columns: Sequence[str] | None = None,
    operands: str = "model",
) -> Table:
    """The figures of many networks on many hardware points in one pass, each equal to the bit to what `simulate` gives.

    workloads: one or a list of models (paths, workloads, lists of `Layer`), or `pimsim.cost.networks.Networks`.
    points: `Points`, or one or a list of hardware descriptions (loaded, paths, names of shipped files).
    pairs: the i-th network on the i-th point instead of all on all. columns: which figures (columns of the `Table`;
    "workload", "point" and "error" always come); None: all. operands: as in `simulate`.
    Returns one row a network on a point, all points of the first network before those of the second. A point that is no
    valid hardware, or on whose chips a network does not fit, has NaN and its reason in the column "error".
    Raises InputError when an input is wrong as a whole.
    """
    if operands not in ("model", "default"):
        raise InputError(f"operands must be one of default, model; got {printable(repr(operands))}")
    measure = with_operands if operands == "model" else None
    from pimsim.cost import batch

    return batch.evaluate(
        _models(workloads), _points(points), pairs=pairs, columns=columns, measure=measure, look_up=_looked_up
    )


def _models(given: Any) -> Any:
    """`given` with the models that are named by a path loaded."""
    if isinstance(given, str | PathLike):
        return load_model(given)
    if isinstance(given, list | tuple):
        return [load_model(one) if isinstance(one, str | PathLike) else one for one in given]
    return given


def _points(given: Any) -> Points:
    from pimsim.cost.points import Points

    if isinstance(given, Points):
        return given
    several = given if isinstance(given, list | tuple) else [given]
    wrong = next((one for one in several if not isinstance(one, Hardware | str | PathLike)), None)
    if wrong is not None:
        raise InputError(f"expected Points, or hardware (loaded, or file names); got a {type(wrong).__name__}")
    return Points.of([one if isinstance(one, Hardware) else load_hardware(one) for one in several])


class Warnings(Sequence[str]):
    """Settings of a hardware file that waste hardware, one line each; looked for when they are asked for."""

    def __init__(self, hardware: Hardware):
        self._hardware = hardware

    @cached_property
    def _lines(self) -> tuple[str, ...]:
        return tuple(f"{path}: {message}" for path, message in self._hardware.warnings())

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[str]: ...
    def __getitem__(self, index: int | slice) -> str | Sequence[str]:
        return self._lines[index]


class HardwareInfo(Mapping[str, object]):
    """What a result says of its hardware: name, source, technology, and the resolved file as plain data. Made on
    access, since a search loop asks for none of it."""

    _KEYS = ("name", "description", "source", "technology", "config")

    def __init__(self, hardware: Hardware):
        self._hardware = hardware

    def __getitem__(self, key: str) -> object:
        if key == "config":
            return self._hardware.model_dump(mode="json")
        if key not in self._KEYS:
            raise KeyError(key)
        value = getattr(self._hardware, key)
        return value.model_dump(mode="json") if key == "technology" else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._KEYS)

    def __len__(self) -> int:
        return len(self._KEYS)


def with_layer_bits(workload: Workload, layer_bits: Mapping[str, Mapping[str, int]]) -> Workload:
    """`workload` with the bit widths of the layers whose names match. A pattern that matches no layer is an error."""
    layers = list(workload.layers)
    for pattern, widths in layer_bits.items():
        update: dict[str, Any] = {key: _bits(f"{pattern}: {key}", value) for key, value in widths.items()}
        hits = [i for i, layer in enumerate(layers) if fnmatchcase(layer.name, pattern)]
        if not hits:
            names = ", ".join([printable(layer.name, 40) for layer in layers[:8]] + ["..."] * (len(layers) > 8))
            raise InputError(f"no layer matches {printable(pattern)!r}; layers are {names}")
        for i in hits:
            layers[i] = replace(layers[i], **update)
    return replace(workload, layers=tuple(layers), cache={})


def _bits(name: str, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 32:
        raise InputError(f"{printable(name)} must be a whole number from 1 to 32; got {printable(value)}")
    return value
