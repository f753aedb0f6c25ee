"""A supernet as one writes it first: modules of full width, and masks for what a path leaves out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from nas.spaces.architecture import MERGED_ROWS, Architecture, Block
from nas.spaces.sizes import HEADS, counted_rows

if TYPE_CHECKING:
    from validation.nasrec.speed_rivals import Case

DIM = 16


class PlainSupernet(nn.Module):
    """(dense, sparse, architecture) -> logits (n,)."""

    def __init__(self, case: Case):
        super().__init__()
        self.embedding = nn.Embedding(case.rows * case.fields, DIM, sparse=True)
        self.register_buffer("starts", torch.arange(case.fields) * case.rows)
        width, rows = case.dense_widths[-1], case.sparse_widths[-1]
        self.blocks = nn.ModuleList(
            PlainBlock(width, rows, case.dense + at * width, case.fields + at * (rows + MERGED_ROWS), at + 1)
            for at in range(case.blocks)
        )
        self.head = nn.Linear(width + (rows + MERGED_ROWS) * DIM, 1)

    def forward(self, dense: Tensor, sparse: Tensor, architecture: Architecture) -> Tensor:
        denses, sparses = [dense], [self.embedding(sparse + self.starts).transpose(1, 2)]
        for module, block in zip(self.blocks, architecture.blocks, strict=True):
            flat, rows = module(denses, sparses, block)
            denses.append(flat)
            sparses.append(rows)
        joined = torch.cat([denses[-1], sparses[-1].flatten(1)], 1)
        found: Tensor = self.head(joined).squeeze(-1)
        return found


class PlainBlock(nn.Module):
    """One block, all operators."""

    def __init__(self, width: int, rows: int, dense_in: int, rows_in: int, sources: int):
        super().__init__()
        self.width, self.rows = width, rows
        kept = counted_rows(width)
        self.full = nn.Sequential(nn.Linear(dense_in, width, bias=False), nn.LayerNorm(width))
        self.efc = nn.Sequential(nn.Linear(rows_in, rows, bias=False), nn.LayerNorm(rows))
        self.before = nn.Sequential(nn.Linear(rows_in, rows, bias=False), nn.LayerNorm(rows))
        self.attention = nn.MultiheadAttention(DIM, HEADS, batch_first=True)
        self.first, self.second = nn.Linear(DIM, DIM), nn.Linear(DIM, DIM)
        self.norms = nn.ModuleList(nn.LayerNorm(DIM) for _ in range(2))
        self.one = nn.Sequential(nn.Linear(dense_in, DIM, bias=False), nn.LayerNorm(DIM))
        self.count = nn.Sequential(nn.Linear(rows_in, kept, bias=False), nn.LayerNorm(kept))
        self.pairs = nn.Sequential(nn.Linear(kept * (kept + 1) // 2, width, bias=False), nn.LayerNorm(width))
        self.gate = nn.Linear(sources * width, width)
        self.gated = nn.Sequential(nn.Linear(width, width), nn.LayerNorm(width))
        self.sum = nn.Sequential(nn.Linear(width, width, bias=False), nn.LayerNorm(width))
        self.merge = nn.Sequential(nn.Linear(width, MERGED_ROWS * DIM, bias=False), nn.LayerNorm(MERGED_ROWS * DIM))
        self.machine = nn.Sequential(nn.Linear(DIM, width, bias=False), nn.LayerNorm(width))
        self.register_buffer("lower", torch.tril_indices(kept + 1, kept + 1, -1))

    def forward(self, denses: list[Tensor], sparses: list[Tensor], block: Block) -> tuple[Tensor, Tensor]:
        flat_in = torch.cat([x if i in block.dense else torch.zeros_like(x) for i, x in enumerate(denses)], -1)
        rows_in = torch.cat([x if i in block.sparse else torch.zeros_like(x) for i, x in enumerate(sparses)], -1)
        sides = [self._side(denses, side) for side in (block.left, block.right)]
        flat = sum(self._dense(name, flat_in, rows_in, *sides) for name in block.dense_operators)
        assert isinstance(flat, Tensor)
        flat = flat * (torch.arange(self.width) < block.dense_width)
        rows = sum(self._sparse(name, rows_in) for name in block.sparse_operators)
        assert isinstance(rows, Tensor)
        rows = rows * (torch.arange(self.rows) < block.sparse_width)
        if block.merge_dense:
            merged = self.merge(flat).view(-1, MERGED_ROWS, DIM).transpose(1, 2)
        else:
            merged = torch.zeros(len(flat), DIM, MERGED_ROWS)
        if block.merge_fm:
            flat = flat + self.machine(rows.sum(-1) ** 2 - (rows**2).sum(-1))
        return flat, torch.cat([rows, merged], -1)

    def _side(self, denses: list[Tensor], side: tuple[int, ...]) -> list[Tensor]:
        padded = [nn.functional.pad(x, (0, max(0, self.width - x.shape[1])))[:, : self.width] for x in denses]
        return [x if i in side else torch.zeros_like(x) for i, x in enumerate(padded)]

    def _dense(self, name: str, flat: Tensor, rows: Tensor, left: list[Tensor], right: list[Tensor]) -> Tensor:
        found: Tensor
        if name == "linear-2d":
            found = torch.relu(self.full(flat))
        elif name == "sum":
            found = self.sum(torch.stack([*left, *right]).sum(0))
        elif name == "sigmoid-gating":
            found = self.gated(torch.sigmoid(self.gate(torch.cat(left, -1))) * torch.stack(right).sum(0))
        else:
            vectors = torch.cat([self.one(flat).unsqueeze(-1), self.count(rows)], -1)
            products = vectors.transpose(1, 2) @ vectors
            found = self.pairs(products[:, self.lower[0], self.lower[1]])
        return found

    def _sparse(self, name: str, rows: Tensor) -> Tensor:
        found: Tensor
        if name == "linear-3d":
            found = torch.relu(self.efc(rows))
            return found
        tokens = self.before(rows).transpose(1, 2)
        tokens = self.norms[0](tokens + self.attention(tokens, tokens, tokens, need_weights=False)[0])
        found = self.norms[1](tokens + self.second(torch.relu(self.first(tokens))))
        return found.transpose(1, 2)
