"""A small model with the structure of the hardware schema, so that texts of errors do not move with its fields."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from pimsim.hardware.load import load_path


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Adc(Section):
    kind: Literal["sar", "flash", "ramp"] = "sar"
    bits: Annotated[int, Field(ge=1, le=16)]
    energy_pJ: Annotated[float, Field(ge=0, le=1e15)] | None = None
    area_um2: Annotated[float, Field(gt=0)] = 1.0
    columns_per_adc: int = 1


class Crossbar(Section):
    rows: Annotated[int, Field(ge=1, le=65536, description="wordlines")]
    columns: int = 128
    r_on_ohm: float = 1e5
    r_off_ohm: float = 1e6
    adc: Adc

    @model_validator(mode="after")
    def _rules(self) -> Self:
        problems = []
        if self.r_on_ohm >= self.r_off_ohm:
            problems.append(("r_on_ohm", "must be below r_off_ohm"))
        if self.adc.columns_per_adc > self.columns:
            problems.append(("adc.columns_per_adc", f"must be at most columns = {self.columns}"))
        if problems:
            raise PydanticCustomError("rule", "{text}", {"text": "broken", "problems": problems})
        return self


class Toy(Section):
    name: str
    verbose: bool = False
    count: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    levels: tuple[float, ...] = ()
    tables: dict[str, int] = {}
    crossbar: Crossbar

    @model_validator(mode="after")
    def _rules(self) -> Self:
        if self.name == "path":
            raise PydanticCustomError("rule", "rows must be even", {"path": "crossbar.rows"})
        if self.name == "plain":
            raise ValueError("plain is no name")
        return self


GOOD = """\
name: toy
crossbar:
  rows: 64
  adc:
    bits: 8
    energy_pJ: 2e-1
"""


class Loader:
    """Writes files into a folder and loads one of them as a Toy."""

    good = GOOD

    def __init__(self, folder: Path):
        self.folder = folder

    def write(self, text: str | bytes, name: str = "hw.yaml") -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def load(self, text: str | bytes, *overrides: str) -> Toy:
        self.write(text)
        return load_path(Path("hw.yaml"), Toy, overrides=overrides)

    def problems(self, text: str | bytes, *overrides: str) -> list[str]:
        from pimsim.errors import InputError

        with pytest.raises(InputError) as caught:
            self.load(text, *overrides)
        return list(caught.value.problems)


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loader:
    monkeypatch.chdir(tmp_path)
    return Loader(tmp_path)


@pytest.fixture(scope="session")
def toy_class() -> Callable[..., BaseModel]:
    return Toy
