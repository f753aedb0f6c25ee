"""Work over the rows of a batch, shared among as many threads as torch uses."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise

import torch


def parts(count: int, least: int) -> list[tuple[int, int]]:
    """(start, end) of the pieces of `count` rows: one a thread, but none with fewer than `least` rows if cut."""
    threads = min(torch.get_num_threads(), max(1, count // least))
    return list(pairwise(count * i // threads for i in range(threads + 1)))


def over(pieces: list[tuple[int, int]], work: Callable[[int, int, int], None]) -> None:
    """Calls work(number of the piece, start, end), each in a thread of its own."""
    if len(pieces) == 1:
        work(0, *pieces[0])
        return
    list(_pool(len(pieces)).map(lambda at: work(at, *pieces[at]), range(len(pieces))))


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="rows")


def traced() -> bool:
    """Whether torch is recording what is computed, so that it must be said in torch's own operators."""
    tracing: bool = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    return tracing or torch.compiler.is_compiling() or torch.compiler.is_exporting()


def for_kernels(x: torch.Tensor) -> bool:
    """Whether a compiled kernel can take `x`."""
    return x.device.type == "cpu" and x.dtype is torch.float32 and not traced()
