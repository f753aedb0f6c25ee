"""The scenarios of `by_hand.yaml` on the bank engine: command distances from its log, ends of data from its answer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pimsim.memory.address import compose
from pimsim.memory.device import Device, load_device
from pimsim.memory.policy import Policy
from pimsim.memory.rules import NAMES
from pimsim.memory.run import Memory, Result, run_trace

Access = tuple[int, int, int, int]  # bank group, bank, row, 1 for a write
REQUESTS = 1_000_000


def scenarios() -> dict[str, Callable[[str], int]]:
    """Cycles of each scenario on a device, by the scenario's name."""
    hit: list[Access] = [(0, 0, 5, 0), (0, 0, 5, 0)]
    return {
        "closed row": lambda name: serve(name, hit[:1]).cycles,
        "row hit": lambda name: apart(serve(name, hit), "RD", "RD"),
        "row conflict": lambda name: serve(name, [(0, 0, 5, 0), (0, 0, 6, 0)]).cycles,
        "bank-group-switched stream": stream,
        "five activates": five_activates,
        "write to read, one bank group": lambda name: apart(serve(name, [(0, 0, 5, 1), (0, 0, 5, 0)]), "WR", "RD"),
        "write to read, another bank group": lambda name: apart(
            serve(name, [(1, 0, 5, 0), (0, 0, 5, 1), (1, 0, 5, 0)]), "WR", "RD"
        ),
        "read to write": lambda name: apart(serve(name, [(0, 0, 5, 0), (0, 0, 5, 1)]), "RD", "WR"),
        "refresh collision": lambda name: after_refresh(name, hit[:1]),
        "refresh with a row open": lambda name: after_refresh(name, hit),
    }


def one_rank(name: str) -> Device:
    return load_device(name, overrides=["organisation.ranks=1"])


def serve(name: str, accesses: list[Access], arrival: list[int] | None = None, **policy: object) -> Result:
    """The requests on one rank of a device, with the command log."""
    device, chosen = one_rank(name), Policy(**policy)  # type: ignore[arg-type]
    group, bank, row, write = np.array(accesses).T
    memory = Memory(device, chosen, log=1000)
    address = compose(device, chosen.mapping, group=group, bank=bank, row=row)
    memory.feed(address, write.astype(np.uint8), None if arrival is None else np.array(arrival))
    return memory.finish()


def times(result: Result, name: str) -> list[int]:
    """Cycles at which the command stands in the log."""
    assert result.log is not None
    return [int(line[0]) for line in result.log if NAMES[int(line[1])] == name]


def apart(result: Result, before: str, after: str) -> int:
    """Cycles from the first `before` to the last `after`."""
    return times(result, after)[-1] - times(result, before)[0]


def five_activates(name: str) -> int:
    """From first to fifth. The fourth comes at 13, so that no read is on the command bus when the window ends."""
    accesses = [(n % 4, n // 4, 5, 0) for n in range(5)]
    return times(serve(name, accesses, [0, 0, 0, 13, 13], scheduler="frfcfs"), "ACT")[4]


def stream(name: str) -> int:
    """Widest distance of the reads of a stream over four bank groups, once every row is open."""
    reads = times(serve(name, [(n % 4, 0, 5, 0) for n in range(24)]), "RD")
    return int(np.diff(reads[4:]).max())


def after_refresh(name: str, accesses: list[Access]) -> int:
    """From the moment a refresh falls due, when the last request comes, to the end of that request's data."""
    due = one_rank(name).timing.tREFI
    return serve(name, accesses, [0] * (len(accesses) - 1) + [due]).cycles - due


def million(name: str, kind: str) -> int:
    """Cycles of a million reads: hits in one row, hits over four bank groups, or conflicts in one bank."""
    device, n, policy = one_rank(name), np.arange(REQUESTS), Policy(postpone=8)
    columns = n % (device.row_bytes // device.access_bytes)
    fields = {
        "hits in one row": {"column": columns},
        "hits over four bank groups": {"group": n % 4, "column": columns},
        "conflicts in one bank": {"row": n % 2},
    }[kind]
    return run_trace(device, policy, [(compose(device, policy.mapping, **fields), None, None)]).cycles
