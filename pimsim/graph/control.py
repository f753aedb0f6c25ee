"""If, Loop, Scan: bodies with the shapes that flow into them, and the shapes that flow out."""

from __future__ import annotations

from pimsim.graph.building import Builder, Site
from pimsim.graph.nodes import Graph, Tensor


def control_flow(builder: Builder, site: Site) -> tuple[dict[str, Graph], list[Tensor] | None]:
    """The bodies of a node and its outputs (None: to be found as for any other node)."""
    return {}, None


def sequence_step(builder: Builder, site: Site, outputs: list[Tensor]) -> list[Tensor]:
    return outputs
