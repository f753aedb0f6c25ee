"""Operand statistics of a workload: densities from the model's own weights and from real inputs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np

from pimsim.errors import InputError, printable
from pimsim.functional.encodings import driven_codes, driven_density, quantise_weights, stored_density
from pimsim.graph.workload import Kind, Layer, Workload
from pimsim.hardware.load import load_hardware
from pimsim.hardware.schema import Hardware

if TYPE_CHECKING:
    from pimsim.graph.stored_values import Sample

STATEMENT = "operand statistics: "
"""How the note on a workload begins that says where its densities come from."""

_SAMPLES, _RESULTS = "samples of weights", "workloads with operands"
KEPT = (_SAMPLES,)
"""Entries of `Workload.cache` that hold whatever the bit widths of the layers are."""

_PRODUCTS = (Kind.MVM, Kind.DYNAMIC)
_PACKED = "com.microsoft.MatMulNBits"


@dataclass(frozen=True)
class Densities:
    """Of one layer, 0 to 1; None: the hardware file's `operands`."""

    inputs: float | None = None
    weights: float | None = None


def with_operands(
    workload: Workload,
    hardware: Hardware | str | PathLike[str],
    *,
    inputs: str | PathLike[str] | None = None,
    operands: str = "model",
) -> Workload:
    """`workload` with the densities that its model file's weights have on `hardware` (operands "model"; "default"
    leaves them to the hardware file), and, with `inputs` (an .npz file of samples), those that its activations have.

    A note says what was measured; a workload that carries one comes back as it is. Where a layer sets a density itself,
    or nothing can be measured (weights that the file computes instead of storing, that lie in subgraphs, or whose data
    are absent), that stays. Raises InputError as `functional.activations.run_samples` does.
    """
    if operands not in ("model", "default"):
        raise InputError(f"operands must be one of default, model; got {printable(repr(operands))}")
    if any(text.startswith(STATEMENT) for text in workload.notes):
        return workload
    machine = hardware if isinstance(hardware, Hardware) else load_hardware(hardware)
    if inputs is not None:
        return _measured(workload, machine, os.fspath(inputs), operands)
    bar, bits, default = machine.crossbar, machine.precision, machine.operands
    what = (operands, bar.signed, bar.cell.bits, bits.weight_bits, default.input_density, default.weight_density)
    known: dict[object, Workload] = workload.cache.setdefault(_RESULTS, {})  # type: ignore[assignment]
    if what not in known:
        known[what] = _measured(workload, machine, None, operands)
    return known[what]


def _measured(workload: Workload, hardware: Hardware, inputs: str | None, operands: str) -> Workload:
    products = sum(layer.kind in _PRODUCTS for layer in workload.layers)
    if not products:
        return workload
    found = weight_densities(workload, hardware) if operands == "model" else {}
    statement = _weights_statement(workload, found, hardware)
    if inputs is None:
        statement += f", inputs by default ({hardware.operands.input_density:g})"
    else:
        measured, samples = input_densities(workload, hardware, inputs)
        for name, entry in measured.items():
            weights = found[name].weights if name in found else entry.weights
            found[name] = Densities(entry.inputs, weights)
        hits = sum(entry.inputs is not None for entry in found.values())
        statement += f", inputs from {printable(inputs)} ({samples} samples; {hits} of {products} layers)"
    return with_densities(workload, found, STATEMENT + statement)


def _weights_statement(workload: Workload, found: Mapping[str, Densities], hardware: Hardware) -> str:
    total = sum(layer.kind == Kind.MVM for layer in workload.layers)
    hits = sum(entry.weights is not None for entry in found.values())
    if hits:
        return f"weights of the model ({hits} of {total} layers)"
    return f"weights by default ({hardware.operands.weight_density:g})"


def with_densities(workload: Workload, densities: Mapping[str, Densities], note: str) -> Workload:
    """`workload` with `densities` (by layer name) where a layer has none yet, and `note` among its notes."""
    layers = tuple(_dense(layer, densities.get(layer.name)) for layer in workload.layers)
    same = all(new is old for new, old in zip(layers, workload.layers, strict=True))
    kept = tuple(text for text in workload.notes if not text.startswith(STATEMENT))
    if same:
        return replace(workload, notes=(*kept, note))  # what is derived from the layers stays valid, and shared
    cache = {key: workload.cache[key] for key in KEPT if key in workload.cache}
    return replace(workload, layers=layers, notes=(*kept, note), cache=cache)


def _dense(layer: Layer, densities: Densities | None) -> Layer:
    if densities is None:
        return layer
    inputs = densities.inputs if layer.input_density is None else layer.input_density
    weights = densities.weights if layer.weight_density is None else layer.weight_density
    if (inputs, weights) == (layer.input_density, layer.weight_density):
        return layer
    return replace(layer, input_density=inputs, weight_density=weights)


def weight_densities(workload: Workload, hardware: Hardware) -> dict[str, Densities]:
    """Layer name -> density of its stored weights, for the MVM layers whose weights stand in the model file."""
    layers = [layer for layer in workload.layers if layer.kind == Kind.MVM and layer.weight_key]
    samples: dict[str, Sample] | None = workload.cache.get(_SAMPLES)  # type: ignore[assignment]
    if samples is None and not workload.source:
        samples = {}
    elif samples is None:
        from pimsim.graph.stored_values import sample_weights  # it needs onnx, which a workload made directly does not

        names = {name for layer in layers for name in _stored_names(layer)}
        samples = workload.cache[_SAMPLES] = dict(sample_weights(workload.source, names))
    known: dict[tuple[str, int, str], float] = {}
    found = {}
    for layer in layers if samples else []:
        name = next((name for name in _stored_names(layer) if name in samples), None)
        if name is None:
            continue
        bits = hardware.precision.weight_bits if layer.weight_bits is None else layer.weight_bits
        key = (name, bits, layer.op if layer.op == _PACKED else "")
        if key not in known:
            known[key] = _density_of(samples[name], bits, layer.op, hardware.crossbar)
        found[layer.name] = Densities(weights=known[key])
    return found


def _stored_names(layer: Layer) -> tuple[str, ...]:
    """Tensors that may hold the layer's weight: its key, or what a QuantizeLinear in the model makes it from."""
    front = layer.weight_key.rpartition("|")[0]
    return (layer.weight_key, front) if front else (layer.weight_key,)


def _density_of(sample: Sample, bits: int, op: str, crossbar: Any) -> float:
    codes = weight_codes(sample, bits, op)
    density = stored_density(codes, bits, crossbar.cell.bits, crossbar.signed)
    if sample.zero_share > 0.0:
        zero = stored_density(np.zeros(1, np.int64), bits, crossbar.cell.bits, crossbar.signed)
        density = sample.zero_share * zero + (1.0 - sample.zero_share) * density
    return density


def weight_codes(sample: Sample, bits: int, op: str = "") -> np.ndarray[Any, Any]:
    """Signed integers of `bits` bits: as the model stores them (unsigned types about the middle of their range), or
    its real numbers quantised symmetrically."""
    if op == _PACKED and sample.stored_bits == 8 and 8 % bits == 0:
        mask, middle = 2**bits - 1, 2 ** (bits - 1)
        return np.concatenate([((sample.values >> shift) & mask) - middle for shift in range(0, 8, bits)])
    values, largest = sample.values, sample.largest
    if sample.stored_bits:
        values = values - 2 ** (sample.stored_bits - 1) if sample.unsigned else values
        if sample.stored_bits == bits:
            return values
        values, largest = values.astype(np.float64), float(np.abs(values).max(initial=0))
    elif values.dtype.kind != "f":
        values = values.astype(np.float64)
    return quantise_weights(values, largest, bits)


def input_densities(workload: Workload, hardware: Hardware, inputs: str) -> tuple[dict[str, Densities], int]:
    """(layer name -> densities of what drives its rows and, for a product of activations, of what its cells hold;
    number of samples) of the model on the arrays in the file `inputs`."""
    from pimsim.functional.activations import run_samples
    from pimsim.graph.stored_values import Sample

    layers = [layer for layer in workload.layers if layer.kind in _PRODUCTS]
    names = {name for layer in layers for name in (layer.driven, layer.stored) if name}
    seen, samples = run_samples(workload.source, inputs, names)
    bar, precision = hardware.crossbar, hardware.precision
    found = {}
    for layer in layers:
        driven, stored = seen.get(layer.driven), seen.get(layer.stored)
        drive = hold = None
        if driven is not None:
            bits = precision.input_bits if layer.input_bits is None else layer.input_bits
            if driven.stored_bits == bits:
                drive = driven_codes(driven.values, bits, bar.dac.encoding, bar.dac.bits, bar.signed)
            else:
                drive = driven_density(driven.values, driven.largest, bits, bar.dac.encoding, bar.dac.bits, bar.signed)
        if stored is not None:
            bits = precision.weight_bits if layer.weight_bits is None else layer.weight_bits
            codes = weight_codes(Sample(stored.values, stored.largest), bits)
            hold = stored_density(codes, bits, bar.cell.bits, bar.signed)
        if drive is not None or hold is not None:
            found[layer.name] = Densities(drive, hold)
    return found, samples
