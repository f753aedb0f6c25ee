"""Scores of a model over a split."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from nas.data.batch import Split
from nas.training.metrics import Metrics, measure


def predict(
    model: nn.Module,
    split: Split,
    batch_size: int = 8192,
    device: str = "cpu",
    told: Callable[[int, int], None] = lambda done, total: None,
) -> NDArray[np.float32]:
    """Logits (n,) of every row in order; the model is put into evaluation mode and back. told(done, all): rows."""
    found = np.empty(split.size, np.float32)
    training, start = model.training, 0
    model.eval()
    try:
        with torch.inference_mode():
            for batch in split.batches(batch_size):
                dense, sparse, _ = batch.tensors(device)
                found[start : start + len(batch)] = model(dense, sparse).cpu().numpy()
                start += len(batch)
                told(start, split.size)
    finally:
        model.train(training)
    return found


def evaluate(model: nn.Module, split: Split, batch_size: int = 8192, device: str = "cpu") -> Metrics:
    """The metrics of the model on a split, with GAUC where its rows have groups."""
    return measure(split.labels, predict(model, split, batch_size, device), split.groups)
