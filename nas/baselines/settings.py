"""What all baselines let the user set, and the types of those values."""

from typing import Annotated

from pydantic import Field

from pimsim.hardware.circuit import Model

Width = Annotated[int, Field(ge=1, le=65536)]
Widths = Annotated[tuple[Width, ...], Field(max_length=32)]
Depth = Annotated[int, Field(ge=1, le=32)]
Dropout = Annotated[float, Field(ge=0, lt=1)]


class Settings(Model):
    """Hyperparameters of a model with embeddings."""

    embedding_dim: Width = Field(default=16, description="numbers that stand for one value of a field")


class DeepSettings(Settings):
    """With a multi-layer perceptron."""

    hidden_units: Widths = Field(default=(400, 400, 400), description="widths of the hidden layers")
    dropout: Dropout = Field(default=0.0, description="share of hidden activations dropped while training")
    batch_norm: bool = Field(default=False, description="batch normalisation before each ReLU")
