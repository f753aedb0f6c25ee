"""What the memory controller decides: order, queue, pages, writes, refresh, and where an address goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pimsim.errors import InputError, printable
from pimsim.memory.device import Device

FIELDS = ("ro", "co", "ba", "bg", "ra", "pc", "ch")


@dataclass(frozen=True)
class Policy:
    """A controller's policy. The rules that each setting stands for are in docs/memory.md.

    scheduler: "fcfs" looks at the oldest request of a channel only; "frfcfs" at `queue` requests, and of those whose
        next command is allowed takes the oldest.
    queue: entries a channel (frfcfs). write_queue: entries of a write buffer beside it; 0: writes stand in the queue.
        With a buffer, writes are drained from `drain_high` entries on down to `drain_low`, or while no read waits.
    page: "open" leaves a row open; "closed" precharges with the last waiting access to it.
    hit_cap: accesses to an open row after which an older request for another row goes first; 0: none.
    refresh: "all_bank", "per_bank", "same_bank" (one bank of every bank group) or "none".
    postpone: refreshes that may be owed while requests wait (JESD79-4 allows 8); with one more, all owed are made.
    mapping: address fields from the most significant to the least: ro(w) co(lumn) ba(nk) bg (bank group) ra(nk)
        pc (pseudo-channel) ch(annel); the offset within an access is below them.
    """

    scheduler: Literal["fcfs", "frfcfs"] = "fcfs"
    queue: int = 32
    write_queue: int = 0
    drain_high: int = 0
    drain_low: int = 0
    page: Literal["open", "closed"] = "open"
    hit_cap: int = 0
    refresh: Literal["all_bank", "per_bank", "same_bank", "none"] = "all_bank"
    postpone: int = 0
    mapping: str = "ro ba ra co bg pc ch"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("scheduler", ("fcfs", "frfcfs")),
            ("page", ("open", "closed")),
            ("refresh", ("all_bank", "per_bank", "same_bank", "none")),
        ):
            if getattr(self, name) not in allowed:
                got = printable(getattr(self, name))
                raise InputError(f"policy: {name} must be one of {', '.join(allowed)}; got '{got}'")
        limits = (("queue", 1, 4096), ("write_queue", 0, 4096), ("hit_cap", 0, 1 << 30), ("postpone", 0, 8))
        for name, low, high in limits:
            value = getattr(self, name)
            if not isinstance(value, int) or not low <= value <= high:
                raise InputError(f"policy: {name} must be a whole number from {low} to {high}; got {printable(value)}")
        if self.write_queue and not 0 <= self.drain_low < self.drain_high <= self.write_queue:
            got = f"{printable(self.drain_low)}, {printable(self.drain_high)}, {self.write_queue}"
            raise InputError(f"policy: 0 <= drain_low < drain_high <= write_queue is needed; got {got}")
        if self.scheduler == "fcfs" and self.write_queue:
            raise InputError("policy: fcfs keeps reads and writes in order; a write_queue needs scheduler 'frfcfs'")
        if sorted(self.mapping.split()) != sorted(FIELDS):
            raise InputError(
                f"policy: mapping names each of {' '.join(FIELDS)} once, most significant first; "
                f"got '{printable(self.mapping)}'"
            )

    def check(self, device: Device) -> None:
        """Raises InputError if the device lacks the refresh command that the policy uses."""
        timing = device.timing
        for name, cycles in (("per_bank", timing.tRFC_pb), ("same_bank", timing.tRFC_sb)):
            if self.refresh == name and timing.tREFI and not cycles:
                raise InputError(
                    f"policy: {device.name} has no {name} refresh; give all_bank, or its tRFC_{name[0]}b in the device"
                )
