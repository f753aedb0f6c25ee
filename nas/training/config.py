"""What `nas train` is told: a YAML file with the sections data, model and training, and `--set` on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, create_model, model_validator

from nas.data.config import DataConfig
from nas.training.models import MODELS, settings_of
from pimsim.errors import InputError, Place, printable
from pimsim.hardware.circuit import Model
from pimsim.hardware.load import validate_tree
from pimsim.hardware.merge import apply_overrides, read_tree
from pimsim.hardware.suggest import nearest
from pimsim.hardware.yaml_source import Mapping, Scalar

Steps = Annotated[int, Field(ge=0, le=10**12)]
Rate = Annotated[float, Field(ge=0, le=1e6, allow_inf_nan=False)]


class Training(Model):
    """How a network is trained. Everything is counted in optimiser steps, each of one batch."""

    epochs: int = Field(default=20, ge=1, le=100_000, description="passes over the training split, at most")
    steps: Steps = Field(default=0, description="steps at most in place of epochs, 0: as many as the epochs have")
    batch_size: int = Field(default=512, ge=1, le=10_000_000)
    evaluation_batch_size: int = Field(default=8192, ge=1, le=10_000_000, description="rows scored at a time")
    evaluate_every: Steps = Field(default=0, description="steps between looks at validation, 0: once an epoch")
    patience: int = Field(default=3, ge=0, le=100_000, description="looks without a new best until it stops, 0: never")
    metric: Literal["auc", "gauc", "logloss"] = Field(default="auc", description="what is best on validation")
    optimizer: Literal["adam", "adagrad"] = "adam"
    learning_rate: Rate = 1e-3
    embedding_learning_rate: Rate | None = Field(default=None, description="of the tables, if another")
    weight_decay: Rate = Field(default=0.0, description="L2 on dense matrices, added to the gradient")
    embedding_l2: Rate = Field(default=0.0, description="L2 on the embedding rows of a batch, added to the gradient")
    initial_accumulator: Rate = Field(default=0.0, description="what Adagrad's sums of squares start from")
    clip_norm: Rate = Field(default=0.0, description="largest norm of the dense gradients, 0: any")
    schedule: Literal["constant", "linear", "cosine", "exponential"] = "constant"
    warmup_steps: Steps = 0
    final_factor: float = Field(default=0.0, ge=0, le=1, description="factor on the rates at the last step")
    checkpoint_every: Steps = Field(default=0, description="steps between checkpoints beside those at each look")
    seed: int = Field(default=0, ge=0, lt=2**63)
    threads: int = Field(default=0, ge=0, le=4096, description="threads of torch, 0: as torch chooses")
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _geometric(self) -> Training:
        if self.schedule == "exponential" and not self.final_factor:
            raise ValueError("schedule exponential needs final_factor above 0, such as 0.01")
        return self


class Run(Model):
    """A whole run. `model` is checked against the hyperparameters of the model that it names."""

    name: str = Field(default="", max_length=200, description="how `nas runs` calls it")
    data: DataConfig
    training: Training = Training()
    model: Model

    @property
    def model_name(self) -> str:
        return cast(str, getattr(self.model, "name"))  # noqa: B009 - a field of the class made for this model

    def to_json(self) -> dict[str, Any]:
        """All values, defaults included."""
        own = self.model_dump(mode="json", exclude={"model"})
        return {**own, "model": self.model.model_dump(mode="json")}


def load_run(path: str | Path | None, overrides: Sequence[str] = ()) -> Run:
    """The run of a YAML file with `overrides` ("training.seed=3") merged over it; None: of the overrides alone.

    Raises InputError, one line for every problem: place, key, rule, what was found.
    """
    tree = read_tree(Path(path), str(path)) if path is not None else Mapping({}, Place(), 1, 1)
    for override in overrides:
        if "=" not in override or not override.partition("=")[0].strip():
            place = Place(f"--set {printable(override, 100)}")
            raise InputError("expected KEY.KEY=VALUE, such as training.learning_rate=0.01", place)
    return checked(apply_overrides(tree, overrides))


def checked(tree: Mapping) -> Run:
    """The tree as a Run. Raises InputError with every problem at once."""
    return validate_tree(_run_class(_model_name(tree)), tree)[0]


def from_json(data: dict[str, Any]) -> Run:
    """The run of `Run.to_json`'s value."""
    return _run_class(data["model"]["name"]).model_validate(data, strict=False)


def _run_class(name: str) -> type[Run]:
    """Run with the hyperparameters of the model `name`."""
    section = create_model(
        "ModelSection", __base__=settings_of(name), name=(str, Field(description="which model")), __doc__=None
    )
    return create_model("Run", __base__=Run, model=(section, Field(description="which model, and its settings")))


def _model_name(tree: Mapping) -> str:
    listed = f"models: {', '.join(MODELS)}"
    section = tree.entries.get("model")
    entry = section.node.entries.get("name") if section and isinstance(section.node, Mapping) else None
    if entry is None:
        raise InputError(f"model.name: missing; which model is to be trained ({listed})", tree.place)
    node = entry.node
    if not isinstance(node, Scalar) or not isinstance(node.value, str) or node.value not in MODELS:
        text = node.text if isinstance(node, Scalar) else "a list or mapping"
        near = nearest(text, list(MODELS))
        hint = f"; did you mean '{near}'?" if near else ""
        raise InputError(f"model.name: unknown model '{printable(text, 60)}' ({listed}){hint}", node.place)
    return node.value
