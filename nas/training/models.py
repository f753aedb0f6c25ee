"""Every model that can be trained by name: the baselines, boosted trees, NASRec networks out of architecture files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from nas.baselines import registry
from pimsim.errors import InputError, printable
from pimsim.hardware.circuit import Model
from pimsim.hardware.suggest import nearest

if TYPE_CHECKING:
    from torch import nn

    from nas.data.fields import Schema
    from nas.spaces.architecture import Architecture

MODELS = {
    **registry.BASELINES,
    "boosted_trees": "gradient-boosted trees by scikit-learn, a reference",
    "nasrec": "NASRec network out of an architecture file (Zhang et al., WWW 2023)",
}
NETWORKS = tuple(name for name in MODELS if name not in ("logistic", "boosted_trees"))
"""Those that the training loop trains step by step."""

Spread = Annotated[float, Field(gt=0, le=1e3, allow_inf_nan=False)] | None
"""Standard deviation of fresh values of embedding tables; None: Glorot's by a table's shape, as NASRec's authors do.
Small data may want small values, 0.01 say, beside no normalisation: with Glorot's, short tables start large."""


class NASRec(Model):
    """An architecture in the JSON of the official code (or ours); a run's record holds the JSON, not the name."""

    architecture: str = Field(min_length=1, max_length=1 << 20, description="its JSON file, or the JSON")
    embedding_dim: Annotated[int, Field(ge=1, le=65536)] = 16
    table_cap: int = Field(default=0, ge=0, le=2**31 - 1, description="rows of an embedding table at most, 0: all")
    embedding_std: Spread = None


def settings_of(name: str) -> type[Model]:
    """The class of a model's hyperparameters. InputError for an unknown name."""
    if name == "nasrec":
        return NASRec
    if name == "boosted_trees":
        from nas.baselines.boosted_trees import Settings

        return Settings
    if name not in MODELS:
        near = nearest(name, list(MODELS))
        hint = f"; did you mean '{near}'?" if near else ""
        raise InputError(f"unknown model '{printable(name, 60)}' (models: {', '.join(MODELS)}){hint}")
    return registry.settings_of(name)


def network(name: str, schema: Schema, settings: Model, seed: int) -> nn.Module:
    """A fresh network (or the logistic module), its weights from `seed`; torch's generator is left as it was."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if name == "nasrec":
            return _nasrec(schema, settings)
        return registry.build_with(name, schema, settings)


def _nasrec(schema: Schema, settings: Model) -> nn.Module:
    from nas.supernets.nasrec import Network

    assert isinstance(settings, NASRec)
    cap = settings.table_cap or None
    return Network(_architecture(settings), schema, settings.embedding_dim, cap, std=settings.embedding_std)


def pinned(settings: Model) -> Model:
    """The settings with the text of an architecture in place of the name of its file, which may change."""
    if not isinstance(settings, NASRec):
        return settings
    return settings.model_copy(update={"architecture": _architecture(settings).to_json()})


def _architecture(settings: NASRec) -> Architecture:
    from nas.spaces.architecture import Architecture

    inline = settings.architecture.lstrip().startswith("{")
    return Architecture.from_json(settings.architecture) if inline else Architecture.load(settings.architecture)


def parameter_counts(model: nn.Module) -> dict[str, int]:
    """embeddings: numbers in tables; network: all others."""
    tables = getattr(model, "embeddings", None)
    embeddings = sum(p.numel() for p in tables.parameters()) if tables is not None else 0
    return {"embeddings": embeddings, "network": sum(p.numel() for p in model.parameters()) - embeddings}
