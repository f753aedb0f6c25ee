"""Models that the tests export through both torch exporters. Sizes are small; shapes are what a user would write."""

from __future__ import annotations

import functools
import io
import warnings
from collections.abc import Callable

import onnx
import torch
from torch import Tensor, nn
from torch.nn import functional

EXPORTERS = ("legacy", "dynamo")


class SdpaEncoder(nn.Module):
    """A transformer encoder block written from scaled_dot_product_attention, with or without a mask."""

    def __init__(self, width: int = 32, heads: int = 4, masked: bool = False):
        super().__init__()
        self.heads, self.masked = heads, masked
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.up, self.down = nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        b, t, w = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, w // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask if self.masked else None)
        x = x + self.out(y.transpose(1, 2).reshape(b, t, w))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class MhaEncoder(nn.Module):
    """The same block around nn.MultiheadAttention."""

    def __init__(self, width: int = 32, heads: int = 4):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 64), nn.Linear(64, width)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.attention(x, x, x, need_weights=False)
        return x + self.down(torch.relu(self.up(self.norm(x + y))))


class Dlrm(nn.Module):
    """Dense features through an MLP, sparse ones through tables, pairwise dot products, a top MLP."""

    def __init__(self, tables: int = 3, rows: int = 50, width: int = 8, bag: bool = False):
        super().__init__()
        kind = functools.partial(nn.EmbeddingBag, mode="sum") if bag else nn.Embedding
        self.tables = nn.ModuleList(kind(rows + i, width) for i in range(tables))
        self.bottom = nn.Sequential(nn.Linear(13, 16), nn.ReLU(), nn.Linear(16, width), nn.ReLU())
        self.top = nn.Sequential(nn.Linear((tables + 1) ** 2 + width, 16), nn.ReLU(), nn.Linear(16, 1))
        self.bag = bag

    def forward(self, dense: Tensor, *ids: Tensor) -> Tensor:
        x = self.bottom(dense)
        rows = [table(i if self.bag else i[:, 0]) for table, i in zip(self.tables, ids, strict=True)]
        z = torch.stack([x, *rows], dim=1)
        pairs = torch.bmm(z, z.transpose(1, 2)).flatten(1)
        return torch.sigmoid(self.top(torch.cat([x, pairs], dim=1)))


class UNet(nn.Module):
    """Two levels down, two up through ConvTranspose, skips by Concat."""

    def __init__(self) -> None:
        super().__init__()
        self.d1, self.d2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.mid = nn.Conv2d(16, 32, 3, padding=1)
        self.u2, self.c2 = nn.ConvTranspose2d(32, 16, 2, stride=2), nn.Conv2d(32, 16, 3, padding=1)
        self.u1, self.c1 = nn.ConvTranspose2d(16, 8, 2, stride=2), nn.Conv2d(16, 8, 3, padding=1)
        self.head = nn.Conv2d(8, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        a = torch.relu(self.d1(x))
        b = torch.relu(self.d2(functional.max_pool2d(a, 2)))
        m = torch.relu(self.mid(functional.max_pool2d(b, 2)))
        b = torch.relu(self.c2(torch.cat([self.u2(m), b], dim=1)))
        a = torch.relu(self.c1(torch.cat([self.u1(b), a], dim=1)))
        return self.head(a)


class Recurrent(nn.Module):
    """A recurrent layer with a linear head on the last step."""

    def __init__(self, kind: type[nn.RNNBase], layers: int = 1, bidirectional: bool = False):
        super().__init__()
        self.rnn = kind(10, 12, num_layers=layers, batch_first=True, bidirectional=bidirectional)
        self.head = nn.Linear(24 if bidirectional else 12, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.rnn(x)[0][:, -1])


def _dlrm_inputs(length: int) -> tuple[Tensor, ...]:
    return (torch.rand(4, 13), *(torch.randint(0, 50, (4, length)) for _ in range(3)))


TORCH_MODELS: dict[str, tuple[Callable[[], nn.Module], Callable[[], tuple[Tensor, ...]]]] = {
    "encoder_sdpa": (SdpaEncoder, lambda: (torch.rand(2, 9, 32),)),
    "encoder_sdpa_mask": (
        functools.partial(SdpaEncoder, masked=True),
        lambda: (torch.rand(2, 9, 32), torch.ones(2, 4, 9, 9)),
    ),
    "encoder_mha": (MhaEncoder, lambda: (torch.rand(2, 9, 32),)),
    "dlrm_embedding": (Dlrm, lambda: _dlrm_inputs(1)),
    "dlrm_embedding_bag": (functools.partial(Dlrm, bag=True), lambda: _dlrm_inputs(5)),
    "unet": (UNet, lambda: (torch.rand(1, 3, 16, 24),)),
    "lstm": (functools.partial(Recurrent, nn.LSTM), lambda: (torch.rand(2, 7, 10),)),
    "lstm_bidirectional": (
        functools.partial(Recurrent, nn.LSTM, layers=2, bidirectional=True),
        lambda: (torch.rand(2, 7, 10),),
    ),
    "gru": (functools.partial(Recurrent, nn.GRU), lambda: (torch.rand(2, 7, 10),)),
    "gru_bidirectional": (functools.partial(Recurrent, nn.GRU, bidirectional=True), lambda: (torch.rand(2, 7, 10),)),
}


@functools.cache
def torch_export(name: str, exporter: str, opset: int | None = None) -> onnx.ModelProto:
    """The named model of TORCH_MODELS through one exporter of EXPORTERS, at its default opset unless one is given."""
    make, inputs = TORCH_MODELS[name]
    torch.manual_seed(0)
    module, example = make().eval(), inputs()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if exporter == "dynamo":
            program = torch.onnx.export(
                module, example, dynamo=True, external_data=False, opset_version=opset, verbose=False
            )
            return program.model_proto
        buffer = io.BytesIO()
        torch.onnx.export(module, example, buffer, dynamo=False, opset_version=opset)
    return onnx.load_from_string(buffer.getvalue())


def matrix_parameters(name: str) -> int:
    """Elements of the named model's weights as torch has them, biases and norms left out."""
    return sum(p.numel() for p in TORCH_MODELS[name][0]().parameters() if p.dim() > 1)
