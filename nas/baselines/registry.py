"""Name -> model. Adding one is a file with `Settings` and `Net(schema, settings)`, and a line here."""

from __future__ import annotations

import json
from importlib import import_module
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from pimsim.errors import InputError, printable
from pimsim.hardware.suggest import nearest

if TYPE_CHECKING:
    from torch import nn

    from nas.data.fields import Schema
    from pimsim.hardware.circuit import Model

BASELINES = {
    "logistic": "logistic regression on one-hot fields, fitted to convergence",
    "fm": "factorization machine (Rendle, ICDM 2010)",
    "dlrm": "deep learning recommendation model (Naumov et al., 2019)",
    "wide_deep": "Wide & Deep (Cheng et al., DLRS 2016)",
    "deepfm": "DeepFM (Guo et al., IJCAI 2017)",
    "xdeepfm": "xDeepFM (Lian et al., KDD 2018)",
    "autoint": "AutoInt+ (Song et al., CIKM 2019)",
    "dcnv2": "DCN-V2 (Wang et al., WWW 2021)",
    "finalmlp": "FinalMLP (Mao et al., AAAI 2023)",
}


def settings_of(name: str) -> type[Model]:
    """The class of a model's hyperparameters. InputError for an unknown name."""
    if name not in BASELINES:
        near = nearest(name, list(BASELINES))
        hint = f"; did you mean '{near}'?" if near else ""
        raise InputError(f"unknown model '{printable(name, 60)}' (models: {', '.join(BASELINES)}){hint}")
    found: type[Model] = import_module(f"nas.baselines.{name}").Settings
    return found


def build(name: str, schema: Schema, **hyperparameters: Any) -> nn.Module:
    """The model `name` for `schema`: forward(dense (n, D), sparse (n, S)) -> logits (n,), tables in `embeddings`.

    Fresh weights come from torch's generator: seed it before. Raises InputError for an unknown name, and one line for
    every hyperparameter that is unknown or out of its range.
    """
    settings = settings_of(name)
    try:
        values = settings.model_validate_json(json.dumps(hyperparameters))
    except ValidationError as fault:
        known = ", ".join(settings.model_fields)
        lines = [
            f"model {name}: {'.'.join(map(str, error['loc']))}: {_text(error, known)}" for error in fault.errors()
        ]
        raise InputError(lines[0], more=tuple(lines[1:])) from None
    return build_with(name, schema, values)


def build_with(name: str, schema: Schema, settings: Model) -> nn.Module:
    """The model `name` with checked settings; its attribute `schema` says what it takes."""
    made: nn.Module = import_module(f"nas.baselines.{name}").Net(schema, settings)
    made.schema = schema  # type: ignore[assignment]
    return made


def _text(error: Any, known: str) -> str:
    if error["type"] == "extra_forbidden":
        return f"unknown hyperparameter; allowed: {known}"
    return f"{printable(error['msg'], 200)}; got {printable(json.dumps(error['input']), 60)}"
