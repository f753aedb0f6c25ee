"""FinalMLP: K. Mao et al., "FinalMLP: An Enhanced Two-Stream MLP Model for CTR Prediction", AAAI 2023."""

import torch
from pydantic import Field
from torch import Tensor, nn

from nas.baselines.layers import FieldModel, Perceptron, Tables, require_fields
from nas.baselines.settings import DeepSettings, Depth, Widths
from nas.data.fields import Schema
from pimsim.errors import InputError, printable


class Settings(DeepSettings):
    """`hidden_units` is the first stream. Contexts name sparse fields; without any, a gate has one learned input."""

    hidden_units: Widths = Field(default=(400, 400), min_length=1, description="widths of the first stream")
    second_units: Widths = Field(default=(400, 400), min_length=1, description="widths of the second stream")
    heads: Depth = Field(default=2, description="heads of the bilinear fusion")
    gate_units: Widths = Field(default=(64,), description="hidden widths of the gates")
    gated: bool = Field(default=True, description="gate the input of each stream")
    first_context: tuple[str, ...] = Field(default=(), description="sparse fields that the first gate sees")
    second_context: tuple[str, ...] = Field(default=(), description="sparse fields that the second gate sees")


class Net(FieldModel):
    """Two perceptrons over differently gated vectors, fused by multi-head bilinear products."""

    def __init__(self, schema: Schema, settings: Settings):
        fields, dim = require_fields(schema, 1, "finalmlp"), settings.embedding_dim
        super().__init__(schema, dim)
        width = fields * dim
        for name, units in (("hidden_units", settings.hidden_units), ("second_units", settings.second_units)):
            if units[-1] % settings.heads:
                raise InputError(
                    f"model.{name}: the last width must be a multiple of heads = {settings.heads}; got {units[-1]}"
                )
        if settings.gated:
            self.first_gate: Gate | None = Gate(schema, settings.first_context, width, settings)
            self.second_gate: Gate | None = Gate(schema, settings.second_context, width, settings)
            # The gates' own embeddings (as in the authors' code) are tables like any other.
            for name, gate in (("first_context", self.first_gate), ("second_context", self.second_gate)):
                if gate.places:
                    self.embeddings[name] = Tables(_only(schema, gate.places), dim)
        else:
            self.first_gate = self.second_gate = None
        self.first = Perceptron(width, settings.hidden_units, settings.dropout, settings.batch_norm)
        self.second = Perceptron(width, settings.second_units, settings.dropout, settings.batch_norm)
        self.fusion = BilinearFusion(self.first.width, self.second.width, settings.heads)

    def forward(self, dense: Tensor, sparse: Tensor) -> Tensor:
        flat = self.fields(dense, sparse).flatten(1)
        first, second = flat, flat
        if self.first_gate is not None and self.second_gate is not None:
            first = flat * self.first_gate(self._context("first_context", self.first_gate, sparse), len(flat))
            second = flat * self.second_gate(self._context("second_context", self.second_gate, sparse), len(flat))
        fused: Tensor = self.fusion(self.first(first), self.second(second))
        return fused

    def _context(self, name: str, gate: "Gate", sparse: Tensor) -> Tensor | None:
        if not gate.places:
            return None
        context: Tensor = self.embeddings[name](sparse.index_select(1, gate.columns))
        return context.flatten(1)


class Gate(nn.Module):
    """2 sigmoid(perceptron(context)) (eq. 3 and 4): a factor from 0 to 2 for each input of a stream."""

    columns: Tensor

    def __init__(self, schema: Schema, context: tuple[str, ...], width: int, settings: Settings):
        super().__init__()
        names = [field.name for field in schema.sparse]
        for name in context:
            if name not in names:
                raise InputError(f"context '{printable(name, 60)}' is no sparse field; they are: {', '.join(names)}")
        self.places = tuple(names.index(name) for name in dict.fromkeys(context))
        dim = settings.embedding_dim
        self.global_context = None if self.places else nn.Parameter(torch.zeros(1, dim))
        taken = [column for place in self.places for column in range(*schema.columns[place].indices(schema.width))]
        self.register_buffer("columns", torch.tensor(taken, dtype=torch.int64), persistent=False)
        inputs = max(1, len(self.places)) * dim
        hidden = Perceptron(inputs, settings.gate_units)
        self.gate = nn.Sequential(*hidden, nn.Linear(hidden.width, width))

    def forward(self, context: Tensor | None, rows: int) -> Tensor:
        if context is None:
            assert self.global_context is not None
            context = self.global_context.expand(rows, -1)
        return 2.0 * torch.sigmoid(self.gate(context))


class BilinearFusion(nn.Module):
    """b + w1 o1 + w2 o2 + sum over heads of o1_h^T W_h o2_h (eq. 5 and 7)."""

    def __init__(self, first: int, second: int, heads: int):
        super().__init__()
        self.heads = heads
        self.first, self.second = nn.Linear(first, 1), nn.Linear(second, 1, bias=False)
        self.products = nn.Parameter(torch.empty(heads, first // heads, second // heads))
        nn.init.xavier_normal_(self.products)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        left = first.reshape(len(first), self.heads, -1).transpose(0, 1)
        right = second.reshape(len(second), self.heads, -1).transpose(0, 1)
        total: Tensor = (self.first(first) + self.second(second)).squeeze(1)
        return total + (torch.bmm(left, self.products) * right).sum((0, 2))


def _only(schema: Schema, places: tuple[int, ...]) -> Schema:
    return Schema((), tuple(schema.sparse[place] for place in places))
