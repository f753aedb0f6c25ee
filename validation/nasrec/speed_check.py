"""Networks of this repository beside the authors' code, with the weights copied over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from nas.data.fields import Schema, SparseField
from nas.spaces.architecture import Architecture, Block
from nas.spaces.nasrec import Space
from nas.supernets.nasrec import Network
from validation.nasrec.speed_rivals import official_module

INPUTS = {"criteo": (13, 26), "avazu": (1, 23), "kdd": (3, 10)}
"""Dense columns and sparse fields of the published files, by folder."""

MODULES = {
    "linear-2d": {"": ("_linear", "_layernorm")},
    "linear-3d": {"": ("_linear", "_layernorm")},
    "dot-product": {
        "dense_": ("_dense_proj", "_dense_layernorm"),
        "count_": ("_sparse_inp_proj", "_sparse_inp_proj_layernorm"),
        "": ("_linear_proj", "_linear_layernorm"),
    },
    "sum": {"": ("_linear_proj", "_layernorm")},
    "sigmoid-gating": {"gate_": ("_left_self_linear._linear", ""), "": ("_linear_proj", "_layernorm")},
    "transformer": {
        "": ("_linear_proj", "_proj_ln"),
        "out_": ("_mha.out_proj", "_attn_ln"),
        "fc1_": ("attn_fc1", ""),
        "fc2_": ("attn_fc2", "_attn_fc_ln"),
    },
}
"""Operator -> prefix of our weights -> their linear layer and normalisation."""


def network_of_theirs(architecture: Architecture, fields: int, folder: Path) -> Any:
    """Their stand-alone network, tables of 50 rows and on."""
    theirs = official_module(folder)
    return theirs.SuperNet(
        num_blocks=len(architecture), ops_config=theirs.ops_config_lib[architecture.config],
        use_layernorm=architecture.use_layernorm, activation="relu", num_embeddings=rows_of(fields),
        sparse_input_size=fields, embedding_dim=16, path_sampling_strategy="fixed-path", fixed=True,
        fixed_choice=json.loads(architecture.to_json()),
    )  # fmt: skip


def rows_of(fields: int) -> list[int]:
    """Rows of the tables."""
    return [50 + i for i in range(fields)]


def difference(architecture: Architecture, dense: int, fields: int, folder: Path) -> dict[str, float]:
    """Largest difference of the logits of 64 rows, and the largest logit: in float32 (what runs) and float64."""
    torch.manual_seed(0)
    model = network_of_theirs(architecture, fields, folder)
    x = torch.randn(64, dense)
    ids = torch.stack([torch.randint(0, rows, (64,)) for rows in rows_of(fields)], 1)
    with torch.no_grad():
        model(x, ids)
        for parameter in model.parameters():
            if _is_there(parameter) and parameter.dim() == 1:
                parameter.add_(0.2 * torch.randn_like(parameter))  # biases and norms that are not 0 and 1
    names = tuple(SparseField(f"s{i}", rows) for i, rows in enumerate(rows_of(fields)))
    network = Network(architecture, Schema(tuple(f"d{i}" for i in range(dense)), names))
    copy_weights(model, network)
    model.eval()
    found = {}
    for kind in (torch.float32, torch.float64):
        with torch.no_grad():
            expected = model.to(kind)(x.to(kind), ids).squeeze(-1)
            got = network.to(kind)(x.to(kind), ids)
        found[str(kind).removeprefix("torch.")] = float((expected - got).abs().max())
    return {**found, "largest": float(expected.abs().max())}


def _is_there(parameter: Any) -> bool:
    return not isinstance(parameter, nn.parameter.UninitializedParameter)


@torch.no_grad()
def copy_weights(theirs: Any, network: Network) -> None:
    """Every weight of `network` from their model."""
    for name, key in network._names.items():
        ours = network.matrices[key]
        source = _source(theirs, network.architecture, name)
        assert source.shape == ours.shape, name
        ours.copy_(source)
    network.embeddings.weight.copy_(torch.cat([table.weight for table in theirs._embedding]))


def _source(theirs: Any, architecture: Architecture, name: str) -> Any:
    if name.startswith("head."):
        return getattr(theirs._final, name.removeprefix("head."))
    at, operator, key = name.split(".")
    block = theirs._blocks[int(at)]
    kind = key.rpartition("_")[2]
    prefix = key.removesuffix(kind)
    if operator == "merge_dense":
        linear, norm = block.project_emb_dim, getattr(block, "project_emb_dim_layernorm", None)
    elif operator == "merge_fm":
        linear, norm = block.deep_fm._linear_proj, getattr(block.deep_fm, "_linear_layernorm", None)
    else:
        node = block._nodes[architecture.operators.index(operator)]
        if prefix == "qkv_":
            return getattr(node._mha, f"in_proj_{kind}")
        linear, norm = (_inside(node, path) for path in MODULES[operator][prefix])
    if kind in ("weight", "bias"):
        return getattr(linear, kind)
    return getattr(norm, {"scale": "weight", "shift": "bias"}[kind])


def _inside(module: Any, path: str) -> Any:
    for part in path.split(".") if path else ():
        module = getattr(module, part, None)
    return module if path else None


def checked(folder: Path, random: int) -> dict[str, dict[str, float]]:
    """`difference` of every operator in a network of one block, of the published files, and of `random` networks."""
    found = {}
    for name in ("linear-2d", "sigmoid-gating", "sum", "dot-product", "transformer"):
        operators = ("linear-2d", name) if name == "transformer" else (name, "linear-3d")
        block = Block(operators, 64, 16, False, False, (0,), (0,), (0,), (0,))
        found[f"operator {name}"] = difference(Architecture((block,)), 13, 26, folder)
    merging = Block(("linear-2d", "linear-3d"), 64, 16, True, True, (0,), (0,), (0,), (0,))
    found["both mergers"] = difference(Architecture((merging,)), 13, 26, folder)
    for path in sorted((folder / "nasrec" / "configs").glob("*/*.json")):
        dense, fields = INPUTS[path.parent.name]
        found[path.stem] = difference(Architecture.load(path), dense, fields, folder)
    generator = np.random.default_rng(0)
    for at in range(random):
        space = Space.small() if at % 2 else Space.full(dense_widths=(16, 64, 128), sparse_widths=(16, 32))
        found[f"random {at}"] = difference(
            space.sample(generator), int(generator.integers(1, 20)), int(generator.integers(2, 30)), folder
        )
    return found
