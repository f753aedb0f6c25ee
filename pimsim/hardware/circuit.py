"""What every section of a hardware file is made of, and every circuit has: a price, given, computed or calibrated."""

# No postponed annotations here: pydantic would compile each one again, a third of the time that an import takes.
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

Problem = tuple[str, str]


PositiveFloat = Annotated[float, Field(gt=0, le=1e15, allow_inf_nan=False)]
NonNegativeFloat = Annotated[float, Field(ge=0, le=1e15, allow_inf_nan=False)]
Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=1, le=65536)]
UnitCount = Annotated[int, Field(ge=0, le=65536)]
Bits = Annotated[int, Field(ge=1, le=32)]
Ports = Annotated[int, Field(ge=1, le=16)]


class Model(BaseModel):
    """Base of every section: frozen, no unknown keys, no silent conversion of types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Calibration(Model):
    """Factors on computed prices, with the reason."""

    energy: PositiveFloat = Field(default=1.0, description="factor on the computed energy")
    area: PositiveFloat = Field(default=1.0, description="factor on the computed area")
    leakage: PositiveFloat = Field(default=1.0, description="factor on the computed leakage")
    comment: Annotated[str, Field(min_length=3, max_length=2000)] = Field(description="where the factors come from")


class Values(dict[str, float | str | bool]):
    """Parameters of a component from outside the tree; hashable, as all of a hardware description is."""

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))


ParameterName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")]
ParameterValue = Annotated[float, Field(allow_inf_nan=False)] | Annotated[str, Field(max_length=200)] | bool


class Circuit(Model):
    """A circuit with its price. What one action is stands with each circuit."""

    model: Annotated[str, Field(min_length=1, max_length=4096)] | None = Field(
        default=None,
        description="what computes the price instead: a Python file beside this one (it runs only with --allow-code), "
        "or the name of an installed component",
    )
    parameters: Annotated[dict[ParameterName, ParameterValue], Field(max_length=64), AfterValidator(Values)] | None = (
        Field(default=None, description="parameters of `model`, by name")
    )
    energy_pJ: NonNegativeFloat | None = Field(
        default=None, description="energy of one action; given instead of computed"
    )
    power_mW: NonNegativeFloat | None = Field(
        default=None, description="power of one instance with the whole chip busy (instead of energy_pJ)"
    )
    static_share: Share = Field(
        default=0.0, description="share of power_mW that is drawn whether or not the circuit acts"
    )
    area_um2: NonNegativeFloat | None = Field(
        default=None, description="area of one instance; given instead of computed"
    )
    leakage_mW: NonNegativeFloat | None = Field(
        default=None, description="static power of one instance; given instead of computed"
    )
    tolerance: Annotated[float, Field(gt=0, le=10)] | None = Field(
        default=None, description="80% of true figures lie within (1 + tolerance) of the given ones; 0.05 when left out"
    )
    calibration: Calibration | None = Field(default=None, description="factors on what is computed")
    source: Annotated[str, Field(max_length=2000)] | None = Field(
        default=None, description="where the given figures come from"
    )

    @model_validator(mode="after")
    def _one_price(self) -> Self:
        problems: list[Problem] = []
        if self.energy_pJ is not None and self.power_mW is not None:
            problems.append(("power_mW", "energy_pJ and power_mW are two prices for one thing; give one"))
        if self.static_share and self.power_mW is None:
            problems.append(("static_share", "static_share splits power_mW; give power_mW, or leakage_mW instead"))
        if self.static_share and self.leakage_mW is not None:
            problems.append(("leakage_mW", "leakage_mW and static_share both set the static power; give one"))
        if self.calibration and self.area_um2 is not None and (self.energy_pJ, self.power_mW) != (None, None):
            problems.append(("calibration", "calibration scales computed prices; here energy and area are given"))
        if self.parameters is not None and self.model is None:
            problems.append(("parameters", "parameters are those of `model`; name one, or leave them out"))
        refuse(problems)
        return self


def refuse(problems: list[Problem]) -> None:
    """Raise all broken rules of a section at once; paths are relative to the section."""
    if problems:
        text = "; ".join(message for _, message in problems)
        raise PydanticCustomError("rule", "{text}", {"text": text, "problems": problems})
