"""Circuit models: what one action of each circuit costs, with the source of each formula."""

from pimsim.components.explain import explain
from pimsim.components.price import Price
from pimsim.components.registry import REGISTRY, prices

__all__ = ["REGISTRY", "Price", "explain", "prices"]
