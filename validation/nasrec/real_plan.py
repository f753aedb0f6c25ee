"""What the study on real data does with each set: steps, grid, models, seeds. Nothing here was chosen on test rows."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas.spaces.architecture import OPERATORS
from nas.training.supernet import SpaceConfig
from validation.nasrec.setting import BATCH_SIZE, EMBEDDING_DIM, SPACE, data_of

if TYPE_CHECKING:
    from nas.data.config import DataConfig

WIDTHS: dict[str, list[str]] = {
    "fm": [],
    "dlrm": ["bottom_units=[64]", "top_units=[64,64]"],
    "wide_deep": ["hidden_units=[64,64]"],
    "deepfm": ["hidden_units=[64,64]"],
    "dcnv2": ["hidden_units=[64,64]", "cross_layers=2", "rank=16"],
    "finalmlp": ["hidden_units=[64,64]", "second_units=[64,64]", "gate_units=[16]"],
    "xdeepfm": ["hidden_units=[64,64]", "cin_maps=[8,8]"],
    "autoint": ["hidden_units=[64,64]", "attention_layers=1", "attention_dim=8"],
}
"""Baselines that are trained step by step, at widths of the study's scale."""

NEURAL = ("dlrm", "wide_deep", "deepfm", "xdeepfm", "autoint", "dcnv2", "finalmlp")
"""Those whose mean the searched networks must pass: with layers, so neither the linear model nor FM."""

LINEAR_L2 = ("1e-5", "1e-4")
SEARCHED, LINEAR, TREES = "searched", "logistic", "boosted_trees"


WITHOUT_ATTENTION = SPACE.model_copy(update={"operators": tuple(name for name in OPERATORS if name != "transformer")})
"""NASRec-Full at the sizes of all studies, but for self-attention, whose cost would leave few steps for the rest."""


FORMS = ("normalised", "plain")
"""Of a network that is trained alone: with LayerNorm and Glorot's tables, as in the supernet, or without LayerNorm and
with small tables, so that an id that is seldom seen weighs little."""


@dataclass(frozen=True)
class Plan:
    """steps: of one training from scratch, at each of the learning rates `rates`, which fall along a cosine to
    final_factor of themselves; the best of so many looks at validation is kept.

    full_steps: over which the full supernet fades out. population + children x generations networks are scored by the
    shared weights, on the first `scored_rows` of validation. The best `top` are trained from scratch at `first_rate` in
    both FORMS, the best `kept` of these trainings at the other rates too. A baseline has at least as many trainings as
    fit into a search's steps. plain_std: of the tables of plain networks.
    """

    name: str
    steps: int
    rates: tuple[float, ...]
    supernet_steps: int
    final_factor: float = 0.0
    supernet_rate: float = 3e-3
    full_steps: int = 160
    population: int = 64
    sample: int = 16
    children: int = 8
    generations: int = 24
    scored_rows: int = 9000
    top: int = 12
    kept: int = 3
    first_rate: float = 1e-2
    looks: int = 4
    embedding_l2: float = 1e-4
    seeds: int = 5
    models: tuple[str, ...] = tuple(WIDTHS)
    bar: bool = True
    trees_most: int = 1000
    space: SpaceConfig = WITHOUT_ATTENTION
    plain_std: float = 1e-2
    synthetic: dict[str, Any] = field(default_factory=dict)

    @property
    def scored(self) -> int:
        """Networks that a search scores."""
        return self.population + self.children * self.generations

    @property
    def search_steps(self) -> int:
        """Optimiser steps of one search: supernet and candidates."""
        return self.supernet_steps + (self.top * len(FORMS) + self.kept * (len(self.rates) - 1)) * self.steps

    @property
    def tuning_seeds(self) -> int:
        """Trainings of a baseline at each learning rate; together at least the steps of a search."""
        return -(-self.search_steps // (self.steps * len(self.rates)))

    def data(self, data: Path, work: Path) -> DataConfig:
        """Where the set is."""
        if not self.synthetic:
            return data_of(self.name, data, work)
        from nas.data.config import DataConfig

        asked = {"folder": str(work / "data" / self.name), "synthetic": self.synthetic}
        return DataConfig.model_validate_json(json.dumps(asked))

    def training(self, rate: float, seed: int) -> list[str]:
        """`--set` of every training from scratch, of searched networks and baselines alike."""
        return [
            "training.threads=1", f"training.batch_size={BATCH_SIZE}", f"training.steps={self.steps}",
            f"training.evaluate_every={-(-self.steps // self.looks)}", "training.patience=0",
            "training.schedule=cosine", f"training.final_factor={self.final_factor!r}",
            f"training.learning_rate={rate!r}", f"training.embedding_l2={self.embedding_l2!r}", f"training.seed={seed}",
        ]  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """The settings, and what follows from them."""
        told = {key: value for key, value in asdict(self).items() if key not in ("space", "models")}
        told |= {"space": self.space.model_dump(mode="json"), "batch_size": BATCH_SIZE, "embedding_dim": EMBEDDING_DIM}
        told |= {"schedule": "cosine", "linear_l2": [float(value) for value in LINEAR_L2]}
        return {**told, "scored": self.scored, "search_steps": self.search_steps, "tuning_seeds": self.tuning_seeds}


RATES = (3e-3, 1e-2, 2e-2)
"""Baselines want the first, networks of the space the others."""

FULL = (
    Plan("kuairand", steps=320, rates=RATES, final_factor=0.5, supernet_steps=1600, top=5),
    Plan("movielens", steps=320, rates=RATES, final_factor=0.5, supernet_steps=1600, top=8, kept=2),
    Plan("census", steps=1000, rates=RATES, supernet_steps=1600, top=3, kept=1),
    Plan("movielens_global", steps=320, rates=RATES, final_factor=0.5, supernet_steps=1600, top=4, kept=1, bar=False,
         seeds=2, models=("fm", "deepfm", "dcnv2")),
)  # fmt: skip
"""In the order in which they are done. The cold-start split is shown beside the others, without a bar, and smaller."""

MINI = (
    Plan("planted", steps=20, rates=RATES[:2], supernet_steps=20, full_steps=4, population=6, sample=3, children=2,
         generations=2, scored_rows=200, top=2, kept=1, looks=2, seeds=2, models=("deepfm", "dcnv2"),
         trees_most=20, space=SpaceConfig(kind="small", blocks=2, dense_widths=(8, 16), sparse_widths=(2, 4)),
         synthetic={"rows": 4000, "validation_rows": 400, "test_rows": 500, "fields": 4, "values": 6,
                    "groups": [[0, 1]], "main_fields": [0, 1]}),
)  # fmt: skip
