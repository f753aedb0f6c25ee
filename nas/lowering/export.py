"""Networks as ONNX files, through torch: what `nas export` writes and `pimsim run` reads."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pimsim.errors import InputError, printable
from pimsim.graph.dims import BATCH_KEY
from pimsim.report.atomic import check_target, write_atomic

if TYPE_CHECKING:
    from torch import nn

EMBEDDINGS = ("included", "external", "inputs")
"""Where embedding rows come from: tables in the file; tables beside it (FILE.data, for more than protobuf's 2 GiB); or
an input `features` (batch, fields, dim) of rows that were looked up before."""

OPSET = 20
LARGEST_INCLUDED = 1 << 31


def export_network(network: Any, path: str | os.PathLike[str], embeddings: str = "included") -> Path:
    """Write `network` (of `nas.supernets.nasrec`, or a baseline) to `path`, whole or not at all; returns the path.

    Inputs: dense (batch, columns) and sparse (batch, ids), or features; output: logits (batch,). The batch is open;
    the file's metadata tell `pimsim run` to take 1 where `--batch` says nothing. Raises InputError for an unknown
    `embeddings`, a path that cannot be written, tables that do not fit into one file, and rows as an input of what is
    no NASRec network.
    """
    import onnx
    import torch

    if embeddings not in EMBEDDINGS:
        raise InputError(f"embeddings must be one of {', '.join(EMBEDDINGS)}; got {printable(embeddings, 40)!r}")
    if embeddings == "inputs" and not hasattr(network, "from_features"):
        raise InputError("--embeddings inputs is for NASRec networks: use included or external")
    target = check_target(path, "--out")
    size = 4 * sum(parameter.numel() for parameter in network.parameters())
    if embeddings == "included" and size >= LARGEST_INCLUDED:
        raise InputError(
            f"{size / 2**30:.1f} GiB of weights do not fit into one ONNX file (2 GiB): use --embeddings external or "
            "inputs"
        )
    model, example, names = _traced(network, embeddings == "inputs")
    batch = {name: {0: "batch"} for name in (*names, "logits")}
    training = network.training
    model.eval()
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that the exporter is the older one: it takes 0.1 s where the newer takes 5
        draft = Path(folder) / "model.onnx"
        try:
            torch.onnx.export(
                model, example, str(draft), dynamo=False, input_names=list(names), output_names=["logits"],
                dynamic_axes=batch, opset_version=OPSET,
            )  # fmt: skip
        finally:
            network.train(training)
        if embeddings == "external":
            _save_external(_of_batch_1(onnx.load(draft)), target, Path(folder))
        elif any(entry.name != draft.name for entry in Path(folder).iterdir()):
            raise InputError("the weights do not fit into one ONNX file (2 GiB): use --embeddings external or inputs")
        else:
            write_atomic(target, draft.read_bytes() + _of_batch_1(onnx.ModelProto()).SerializeToString())
    return target


def _of_batch_1(model: Any) -> Any:
    """`model` with the entry that binds its open batch for pimsim. Serialised messages that follow one another are
    read as one, so that an empty model's entry can be appended to a large file."""
    entry = model.metadata_props.add()
    entry.key, entry.value = BATCH_KEY, "1"
    return model


def _save_external(model: Any, target: Path, folder: Path) -> None:
    """`model` with its weights beside it; the data are in place before the file that names them."""
    import onnx

    data = f"{target.name}.data"
    onnx.save_model(
        model, folder / target.name, save_as_external_data=True, location=data, size_threshold=1024
    )
    if (folder / data).exists():
        shutil.copymode(folder / target.name, folder / data)
        os.replace(folder / data, target.with_name(data))
    os.replace(folder / target.name, target)


def _traced(network: Any, given: bool) -> tuple[nn.Module, tuple[Any, ...], tuple[str, str]]:
    import torch
    from torch import nn

    class FromFeatures(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, dense: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
            return self.network.from_features(dense, features.transpose(1, 2))  # type: ignore[no-any-return]

    searched = hasattr(network, "inputs")  # networks of the space read a column that is always 1 where there is none
    dense = torch.zeros(2, network.inputs.dense if searched else len(network.schema.dense))
    if given:
        return FromFeatures(), (dense, torch.zeros(2, network.inputs.fields, network.inputs.dim)), ("dense", "features")
    return network, (dense, torch.zeros(2, network.schema.width, dtype=torch.int64)), ("dense", "sparse")
