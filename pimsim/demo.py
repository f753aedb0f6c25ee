"""Two small models that the project makes itself, so that a first run needs no download.

Both are untrained: cost depends on shapes and bit widths, not on what the weights say.
"""

from __future__ import annotations

import importlib.util
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pimsim.errors import InputError, printable
from pimsim.report.atomic import write_atomic

if TYPE_CHECKING:
    import torch

SEED = 2026
OPSET = 17
CATEGORY_VALUES = (20000, 8000, 4000, 2000, 1000, 500, 100, 20)  # rows of the CTR model's embedding tables
EMBEDDING_WIDTH = 16
DENSE_FEATURES = 13  # as in Criteo's click logs


def run_demo(folder: Path) -> list[Path]:
    """Exports `resnet8_cifar10.onnx` and `ctr_dlrm.onnx` into `folder` (made if absent) and returns their paths.

    The same bytes every time: weights come from a fixed seed, which leaves torch's own generator untouched.
    Raises InputError if torch is not installed or the folder cannot be written.
    """
    if importlib.util.find_spec("torch") is None:
        raise InputError("the demo exports its models with torch, which is not installed: pip install 'pimsim[nas]'")
    import torch

    makers: dict[str, Callable[[], bytes]] = {"resnet8_cifar10.onnx": _export_cnn, "ctr_dlrm.onnx": _export_ctr}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"folder {printable(folder)} cannot be made: {printable(error.strerror)}") from error
    paths = []
    for name, make in makers.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model = make()
        write_atomic(folder / name, model)
        paths.append(folder / name)
    return paths


def _to_onnx(
    name: str, model: torch.nn.Module, inputs: tuple[torch.Tensor, ...], input_names: list[str], output_name: str
) -> bytes:
    """The model as an ONNX file of batch 1, weights inside; its graph is called `name` (torch calls all `main_graph`).

    torch's older exporter is taken: it needs no further package, runs in a fraction of a second and names every node
    by its module, which is what the report prints.
    """
    import onnx
    import torch

    content = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            model.eval(),
            inputs,
            content,  # type: ignore[arg-type]  # a buffer is taken by this exporter, and documented for it
            input_names=input_names,
            output_names=[output_name],
            opset_version=OPSET,
            dynamo=False,
        )
    made = onnx.load_model_from_string(content.getvalue())
    made.graph.name = name
    whole: bytes = made.SerializeToString(deterministic=True)
    return whole


def _export_cnn() -> bytes:
    """A ResNet-8 for 32x32 images in ten classes, the image classification model of MLPerf Tiny
    (Banbury et al., "MLPerf Tiny Benchmark", 2021): a 3x3 stem and three residual blocks of 16, 32 and 64 channels."""
    import torch
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, channels_in: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, padding=1)
            self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
            self.shortcut = nn.Conv2d(channels_in, channels, 1, stride) if stride > 1 else nn.Identity()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            inner = self.conv2(torch.relu(self.conv1(x)))
            return torch.relu(inner + self.shortcut(x))

    class ResNet8(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem = nn.Conv2d(3, 16, 3, padding=1)
            self.block1 = Residual(16, 16, 1)
            self.block2 = Residual(16, 32, 2)
            self.block3 = Residual(32, 64, 2)
            self.pool = nn.AdaptiveAvgPool2d(1)
            self.classifier = nn.Linear(64, 10)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            x = self.block3(self.block2(self.block1(torch.relu(self.stem(image)))))
            scores: torch.Tensor = self.classifier(torch.flatten(self.pool(x), 1))
            return scores

    return _to_onnx("resnet8_cifar10", ResNet8(), (torch.zeros(1, 3, 32, 32),), ["image"], "scores")


def _export_ctr() -> bytes:
    """A click-through-rate model in the manner of DLRM (Naumov et al., 2019): dense features through an MLP,
    categories through embedding tables, the dot products of all pairs of vectors, an MLP on top."""
    import torch
    from torch import nn

    class ClickModel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            vectors = len(CATEGORY_VALUES) + 1
            self.tables = nn.ModuleList(nn.Embedding(rows, EMBEDDING_WIDTH) for rows in CATEGORY_VALUES)
            self.bottom = nn.Sequential(
                nn.Linear(DENSE_FEATURES, 64), nn.ReLU(), nn.Linear(64, EMBEDDING_WIDTH), nn.ReLU()
            )
            pairs = vectors * (vectors - 1) // 2
            self.top = nn.Sequential(
                nn.Linear(EMBEDDING_WIDTH + pairs, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 1)
            )
            row, column = torch.tril_indices(vectors, vectors, offset=-1)
            self.register_buffer("below_diagonal", row * vectors + column)

        def forward(self, dense: torch.Tensor, categories: torch.Tensor) -> torch.Tensor:
            bottom = self.bottom(dense)
            looked_up = [table(categories[:, i]) for i, table in enumerate(self.tables)]
            vectors = torch.stack([bottom, *looked_up], dim=1)
            products = torch.bmm(vectors, vectors.transpose(1, 2)).flatten(1)
            pairs = products.index_select(1, self.below_diagonal)  # type: ignore[arg-type]  # a buffer is a Tensor
            return torch.sigmoid(self.top(torch.cat([bottom, pairs], dim=1)))

    inputs = (torch.zeros(1, DENSE_FEATURES), torch.zeros(1, len(CATEGORY_VALUES), dtype=torch.int64))
    return _to_onnx("ctr_dlrm", ClickModel(), inputs, ["dense", "categories"], "click_probability")
