"""`Result`: what `pimsim.simulate` returns. Names are put on the engine's matrices here, when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pimsim.cost.evaluation import Evaluation
from pimsim.errors import printable
from pimsim.graph.workload import Workload
from pimsim.report import figures

if TYPE_CHECKING:
    import os

    import pandas
    from matplotlib.figure import Figure
    from rich.console import Group

SCHEMA_VERSION = 1
"""Of the JSON form. Raised when a key changes its meaning or goes; new keys do not raise it."""


@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """One model on one hardware point.

    Everything is derived on first access, so that a search loop pays only for what it reads.
    Energy is per inference (of the batch that was bound), in pJ; latency in ns; area in um2.
    A figure that is not finite or is negative raises RuntimeError: that is an internal fault.
    """

    workload: Workload
    hardware_info: Mapping[str, object]  # name, source, technology, config (resolved, as plain data)
    evaluation: Evaluation
    warnings: Sequence[str] = field(default=())

    @cached_property
    def totals(self) -> dict[str, float]:
        """Figures of the whole model: energy_pJ, latency_ns, throughput_inferences_per_s, area_um2, power_W, macs,
        ops, tops, tops_per_W, tops_per_mm2, crossbars (used by the model), utilization (cells holding weights of
        the cells allotted), energy_dynamic_pJ, energy_static_pJ, crossbars_on_chips, chips, tiles.

        Of the chosen schedule: throughput = 1 / interval, power = energy x throughput, tops = ops x throughput,
        where a multiply-add is two operations.
        """
        return figures.totals(self.workload, self.evaluation)

    @cached_property
    def intervals(self) -> dict[str, list[float]]:
        """energy_pJ_interval, latency_ns_interval, area_um2_interval: [low, high], in which 80% of true figures lie as
        far as published chips tell (docs/error-bars.md). The JSON form has them among its totals."""
        return figures.intervals(self.evaluation)

    @cached_property
    def layers(self) -> list[figures.Row]:
        """One dict a layer in topological order, then the rows `shared` and `idle` for what belongs to no layer.

        latency_ns is the layer's share of the critical path: the shares add up to the latency.
        """
        return figures.layers(self.workload, self.evaluation)

    @cached_property
    def components(self) -> dict[str, dict[str, float]]:
        """Component -> energy_pJ, energy_dynamic_pJ, energy_static_pJ, area_um2."""
        return figures.components(self.evaluation)

    @cached_property
    def modes(self) -> dict[str, dict[str, float]]:
        """`pipeline` and `layer_by_layer`: latency_ns, interval_ns, throughput_inferences_per_s, energy_pJ..."""
        return figures.modes(self.evaluation, self.totals)

    @cached_property
    def programming(self) -> dict[str, float]:
        """Writing all weights once: energy_pJ, latency_ns, cells, endurance_share; contexts and
        rewrite_endurance_share for what each inference rewrites."""
        return figures.programming(self.evaluation)

    @cached_property
    def lookups(self) -> dict[str, object] | None:
        """The table rows of an inference on the banks of a memory: memory, trace, area, `parts` (energy by activate,
        read, background and so on) and `layers`; None where lookups were not simulated (docs/lookups.md)."""
        from pimsim.report.lookups import lookups

        return lookups(self.workload, self.evaluation)

    @cached_property
    def precision(self) -> str:
        """Bit widths of the products in words, e.g. '8-bit weights x 8-bit inputs'."""
        return figures.precision(self.workload, self.evaluation)

    @cached_property
    def notes(self) -> tuple[str, ...]:
        """Statements about how the model was read and run."""
        extra: list[str] = []
        if not self.totals["macs"] and not self.workload.notes:
            extra.append("the model holds no matrix product: nothing runs on crossbars")
        if self.evaluation.contexts > 1:
            extra.append(
                f"the model does not fit at once: the crossbars are rewritten {self.evaluation.contexts} times in "
                "each inference"
            )
        return self.workload.notes + tuple(extra)

    @property
    def name(self) -> str:
        """'<model> on <hardware>', printable."""
        return f"{printable(self.workload.name, 80)} on {printable(self.hardware_info.get('name', '?'), 80)}"

    def __repr__(self) -> str:
        from pimsim.report.units import scaled

        energy, latency = scaled("energy_pJ", self.totals["energy_pJ"]), scaled("latency_ns", self.totals["latency_ns"])
        return f"<Result {self.name}: {energy}, {latency}, {scaled('area_um2', self.totals['area_um2'])}>"

    def to_dict(self) -> dict[str, Any]:
        """Plain data with every figure; `schema_version` names its form."""
        from pimsim.report.document import to_dict

        return to_dict(self)

    def to_json(self) -> str:
        """`to_dict` as strict JSON text (no NaN, no infinity), ending in a line break."""
        from pimsim.report.document import to_json

        return to_json(self)

    def to_csv(self) -> str:
        """One line a layer, `shared` and `idle` included; text that a spreadsheet would run is defused."""
        from pimsim.report.tabular import to_csv

        return to_csv(self)

    def to_dataframe(self) -> pandas.DataFrame:
        """The rows of `layers` as a pandas DataFrame, with one energy column a component."""
        from pimsim.report.tabular import to_dataframe

        return to_dataframe(self)

    def to_text(self) -> str:
        """The report as plain aligned text without colour."""
        from pimsim.report.sections import TEXT_ROWS, sections
        from pimsim.report.text import render

        return render(sections(self, TEXT_ROWS))

    def to_html(self) -> str:
        """The report as one self-contained page: no script, no request."""
        from pimsim.report.html import page

        return page(self)

    def plot(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Stacked energy, latency and area by layer as a matplotlib Figure; written to `path` if one is given
        (.png, .svg or .pdf). Raises InputError for another ending or a place that cannot be written."""
        from pimsim.report.plot import plot

        return plot(self, path)

    def _repr_html_(self) -> str:
        from pimsim.report.html import fragment

        return fragment(self)

    def __rich__(self) -> Group:
        from pimsim.report.richly import group

        return group(self)
