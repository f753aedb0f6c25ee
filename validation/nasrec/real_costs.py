"""What the chosen networks cost on simulated hardware: exported to ONNX, costed as `pimsim run` does."""

from __future__ import annotations

import tempfile
import warnings
from functools import cache
from pathlib import Path
from typing import Any

import torch

import pimsim
from nas.training.config import from_json
from nas.training.models import network
from nas.training.run import _settings
from nas.training.store import Record
from pimsim.hardware.schema import Hardware

HARDWARE = "reram_128"


def costs(record: Record, schema: Any) -> dict[str, float]:
    """macs, energy_uJ and latency_us of one sample, for the network of a run with its tables as look-ups.

    Weights are drawn anew: the figures do not depend on them.
    """
    run = from_json(record.config)
    model = network(run.model_name, schema, _settings(run), 0).eval()
    example = (torch.zeros(2, len(schema.dense)), torch.zeros(2, schema.width, dtype=torch.int64))
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        path = Path(folder) / "model.onnx"
        torch.onnx.export(
            model, example, str(path), dynamo=False, opset_version=20, input_names=["dense", "sparse"],
            dynamic_axes={"dense": {0: "batch"}, "sparse": {0: "batch"}},
        )  # fmt: skip
        totals = pimsim.simulate(pimsim.load_model(path, batch=1), _hardware()).totals
    return {"macs": float(totals["macs"]), "energy_uJ": float(totals["energy_pJ"]) * 1e-6,
            "latency_us": float(totals["latency_ns"]) * 1e-3}  # fmt: skip


@cache
def _hardware() -> Hardware:
    return pimsim.load_hardware(HARDWARE)
