"""One thread a worker: reductions over several threads differ in the last bit with their number."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip
SINGLE_THREADED = dict.fromkeys(_VARIABLES, "1")
"""Environment of a worker process."""


@contextmanager
def single_threaded() -> Iterator[None]:
    """Numerical libraries that this process has loaded use one thread in here, as they do in a worker process."""
    from threadpoolctl import threadpool_limits

    torch, numba = sys.modules.get("torch"), sys.modules.get("numba")
    before = torch.get_num_threads() if torch else 0
    masked = numba.get_num_threads() if numba else 0
    with threadpool_limits(1):
        try:
            if torch:
                torch.set_num_threads(1)
            if numba:
                numba.set_num_threads(1)
            yield
        finally:
            if torch:
                torch.set_num_threads(before)
            if numba:
                numba.set_num_threads(masked)
