"""Weights and the state of a run in safetensors files, each whole or absent."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pimsim.errors import InputError, printable

BEST, LAST = "best.safetensors", "last.safetensors"


def save(path: Path, tensors: Mapping[str, Tensor], about: Mapping[str, Any] | None = None) -> None:
    """Write `tensors` and the JSON values of `about`, then rename. Raises InputError when the system refuses."""
    draft = path.with_name(f".{os.urandom(8).hex()}.part")
    held = {key: value.detach().contiguous() for key, value in tensors.items()}
    try:
        save_file(held, draft, metadata={"about": json.dumps(dict(about or {}), sort_keys=True)})
        with open(draft, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(draft, path)
    except (OSError, SafetensorError) as fault:
        raise InputError(f"cannot write {printable(path)}: {printable(fault)}") from fault
    finally:
        draft.unlink(missing_ok=True)


def load(path: Path, device: str = "cpu") -> tuple[dict[str, Tensor], dict[str, Any]]:
    """(tensors, about) of a file that `save` wrote. Raises InputError if it is absent, damaged or not of ours."""
    try:
        with safe_open(path, framework="pt", device=device) as file:
            about = json.loads((file.metadata() or {})["about"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping
    except FileNotFoundError:
        raise InputError(f"there is no checkpoint {printable(path)}") from None
    except (OSError, SafetensorError, KeyError, ValueError) as fault:
        raise InputError(f"{printable(path)} is not a checkpoint of nas: {printable(fault)}") from fault
    if not isinstance(about, dict):
        raise InputError(f"{printable(path)} is not a checkpoint of nas: its metadata is no mapping")
    return tensors, about


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor], path: Path) -> None:
    """Put `tensors` into `model`, each by its name and shape. Raises InputError naming the first that does not fit."""
    own = model.state_dict()
    for key in (*own, *tensors):
        if key not in tensors or key not in own:
            lacking = "the checkpoint" if key not in tensors else "the model"
            raise InputError(f"{printable(path)} does not fit the model: {lacking} has no {printable(key, 100)}")
        if own[key].shape != tensors[key].shape:
            shapes = f"{tuple(tensors[key].shape)} in the checkpoint, {tuple(own[key].shape)} in the model"
            raise InputError(f"{printable(path)} does not fit the model: {printable(key, 100)} is {shapes}")
    with torch.no_grad():
        model.load_state_dict(dict(tensors))


def part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    """The tensors under `prefix.`, without it."""
    return {key[len(prefix) + 1 :]: value for key, value in tensors.items() if key.startswith(f"{prefix}.")}
