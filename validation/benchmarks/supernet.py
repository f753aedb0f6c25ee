"""A training step and an evaluation of a supernet beside the plain way to write one: full widths, masked.

Beside the authors' code: `python -m validation.nasrec.speed --official FOLDER`.
"""

from __future__ import annotations

from dataclasses import replace

from .measure import Measurement


def supernet(pairs: int = 12, case: str = "small, 13 + 26") -> list[Measurement]:
    """Processor time on one thread, by turns in one process; the bar is the twin's time."""
    import numpy as np
    import torch

    from validation.nasrec.speed import cases, timed_pairs

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = timed_pairs(replace(cases()[case], pairs=pairs), "twin", None)
    finally:
        torch.set_num_threads(threads)
    measured = []
    for what in ("step", "evaluation"):
        ours, twin = (float(np.median(found[what][name]["processor"])) for name in ("ours", "twin"))
        detail = f"{twin / ours:.1f} x a plain twin; 4 blocks, batch 512"
        measured.append(Measurement(f"NASRec supernet, {what} ({case})", ours, "ms", twin, detail))
    return measured
