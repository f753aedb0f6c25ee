"""Settings that hold for every test."""

import pytest
from hypothesis import settings

# The same examples in every run, and no deadline: a busy machine must not turn a right answer into a failure.
settings.register_profile("pimsim", derandomize=True, deadline=None)
settings.load_profile("pimsim")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Quick tests first, so that a plain mistake shows at once."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)
