"""Networks with weights that are all different, and what pimsim reads out of their export."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import pimsim
from nas.data.fields import Schema, SparseField
from nas.lowering.export import export_network
from nas.spaces.architecture import Architecture
from nas.supernets.nasrec import Network
from pimsim.graph.workload import Workload


def plain_schema(dense: int, fields: int) -> Schema:
    return Schema(tuple(f"d{i}" for i in range(dense)), tuple(SparseField(f"f{i}", 20 + i) for i in range(fields)))


def with_random_weights(network: Network, seed: int = 0) -> Network:
    """Exporters keep equal constants once; biases and norms are equal as long as they are fresh."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.matrices.values():
            parameter.add_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


@pytest.fixture
def exported(tmp_path: Path) -> Callable[..., Workload]:
    """exported(architecture, schema, dim, embeddings): the workload of the exported network."""

    def read(architecture: Architecture, schema: Schema, dim: int = 16, embeddings: str = "included") -> Workload:
        network = with_random_weights(Network(architecture, schema, dim))
        path = export_network(network, tmp_path / "network.onnx", embeddings)
        return pimsim.load_model(path, batch=1)

    return read


@pytest.fixture
def generator() -> np.random.Generator:
    return np.random.default_rng(0)
