"""Are checkpoints whole or absent, and are files that are none refused by name?"""

import os

import pytest
import torch
from torch import nn

from nas.training.checkpoint import load, load_weights, part, save
from pimsim.errors import InputError


def test_what_is_written_comes_back(tmp_path):
    path = tmp_path / "a.safetensors"
    turned = torch.arange(6.0).reshape(2, 3).T  # not contiguous
    save(path, {"model.w": turned, "rng": torch.get_rng_state()}, {"step": 3, "value": 0.1 + 0.2})
    tensors, about = load(path)
    assert torch.equal(tensors["model.w"], turned)
    assert about == {"step": 3, "value": 0.1 + 0.2}
    assert list(part(tensors, "model")) == ["w"]


def test_a_failed_write_leaves_the_old_file_and_no_draft(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save(path, {"w": torch.ones(2)})
    monkeypatch.setattr(os, "replace", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match=r"cannot write .*a.safetensors: .*No space left"):
        save(path, {"w": torch.zeros(2)})
    assert load(path)[0]["w"].tolist() == [1.0, 1.0]
    assert os.listdir(tmp_path) == ["a.safetensors"]


@pytest.mark.parametrize("content", [b"", b"\x80\x04K\x01.", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / "a.safetensors"
    path.write_bytes(content)
    with pytest.raises(InputError, match="is not a checkpoint of nas"):
        load(path)


def test_an_absent_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"there is no checkpoint .*b.safetensors"):
        load(tmp_path / "b.safetensors")


@pytest.mark.parametrize(
    ("tensors", "text"),
    [
        ({"weight": torch.zeros(1, 2)}, "the checkpoint has no bias"),
        ({"weight": torch.zeros(1, 2), "bias": torch.zeros(1), "more": torch.zeros(1)}, "the model has no more"),
        ({"weight": torch.zeros(2, 2), "bias": torch.zeros(1)}, r"weight is \(2, 2\) in the checkpoint, \(1, 2\)"),
    ],
)
def test_weights_of_another_model_are_refused(tmp_path, tensors, text):
    with pytest.raises(InputError, match=f"w.safetensors does not fit the model: {text}"):
        load_weights(nn.Linear(2, 1), tensors, tmp_path / "w.safetensors")
