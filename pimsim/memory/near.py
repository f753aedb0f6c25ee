"""Reduction near the banks: the rows of a bag are added where they stand, and only sums cross the channel.

`level` says where the adders are. "rank": in the buffer of every rank (RecNMP, ISCA 2020; TensorDIMM, MICRO 2019):
every rank streams its own rows, at the rate of one rank. "bank_group": in every bank group (TRiM, MICRO 2021). "bank":
at every bank (HBM-PIM, ISCA 2021; GDDR6-AiM, ISSCC 2022); both at one access each tCCD_L a unit. A unit is what has an
adder: a rank, a bank group, a bank. Each becomes a channel of its own to the bank kernels; partial sums are added up in
the buffer of the channel, which sends one row a bag to the host. Commands to units come in a compressed form (as
RecNMP's) and are not bounded by the channel's command bus. A rank's tFAW and tRRD are shared out evenly among units.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from pimsim.errors import InputError, printable
from pimsim.memory.address import compose, decode
from pimsim.memory.device import Device
from pimsim.memory.policy import Policy
from pimsim.memory.run import Result, run_trace

Level = Literal["rank", "bank_group", "bank"]
LEVELS = ("rank", "bank_group", "bank")
UNIT_MAPPING = "ro ba ra bg co pc ch"


@dataclass(frozen=True)
class Reduction:
    """plain: all rows read by the host. near: rows read by the units. near_cycles: the units' time, or that of sending
    the sums if it is longer."""

    plain: Result
    near: Result
    near_cycles: int
    sums: int

    @property
    def speed_up(self) -> float:
        return self.plain.cycles / self.near_cycles


def units_of(device: Device, level: Level) -> int:
    """Adders of the whole memory at this level."""
    shape = device.organisation
    per_rank = {"rank": 1, "bank_group": shape.bank_groups, "bank": device.banks_per_rank}
    if level not in per_rank:
        raise InputError(f"level must be one of {', '.join(LEVELS)}; got '{printable(level)}'")
    return device.channels * shape.ranks * per_rank[level]


def unit_device(device: Device, level: Level) -> Device:
    """The same memory with every unit as a channel of its own."""
    shape, timing = device.organisation, device.timing
    units = units_of(device, level)
    share = units // (device.channels * shape.ranks)  # units of a rank
    if device.timing.tFAW * share > 1_000_000:
        raise InputError(f"{device.name}: too many units a rank for level {level}: {share}")
    organisation: dict[str, Any] = {"channels": units, "pseudo_channels": 1, "ranks": 1}
    times: dict[str, Any] = {}
    if level != "rank":
        organisation |= {"bank_groups": 1, "banks_per_group": device.banks_per_rank // share}
        # Four activates a rank in tFAW are four a unit in as many times tFAW as there are units; so for tRRD.
        times = {
            "tCCD_S": timing.tCCD_L,
            "tRRD_S": timing.tRRD_S * share,
            "tRRD_L": max(timing.tRRD_L, timing.tRRD_S * share),
            "tFAW": timing.tFAW * share,
        }
    return device.model_copy(
        update={
            "organisation": shape.model_copy(update=organisation),
            "timing": timing.model_copy(update=times),
        }
    )


def unit_addresses(device: Device, mapping: str, level: Level, address: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the rows at `address` stand in `unit_device`: the same bank, row and column."""
    shape, at = device.organisation, decode(device, mapping, address)
    unit = (at["channel"] * shape.pseudo_channels + at["pseudo"]) * shape.ranks + at["rank"]
    near, bank = unit_device(device, level), at["group"] * shape.banks_per_group + at["bank"]
    inside = near.banks_per_rank
    if level != "rank":
        unit, bank = (unit * device.banks_per_rank + bank) // inside, bank % inside
    group, own = bank // near.organisation.banks_per_group, bank % near.organisation.banks_per_group
    return compose(near, UNIT_MAPPING, channel=unit, group=group, bank=own, row=at["row"], column=at["column"])


def reduce_bags(
    device: Device, policy: Policy, level: Level, address: NDArray[np.int64], offsets: NDArray[np.int64], row_bytes: int
) -> Reduction:
    """Sums of bags of table rows, plainly and near the banks.

    address: first byte of every row looked up; offsets: first row of every bag. Every row stands in one DRAM row.
    """
    bursts = device.bursts(row_bytes)
    plain = run_trace(device, policy, [(address, None, None)], bursts=bursts)
    steps = np.arange(bursts, dtype=np.int64) * device.access_bytes
    every = (address[:, None] + steps).ravel()
    unit_policy = replace(policy, mapping=UNIT_MAPPING)
    moved = unit_addresses(device, policy.mapping, level, every)
    near = run_trace(unit_device(device, level), unit_policy, [(moved, None, None)])
    # One sum a bag leaves over a channel's bus; bags take turns over the channels.
    sent = -(-len(offsets) // device.channels) * bursts * device.timing.tCCD_S
    # Units of a rank share its standby and its refreshes; of what is read, only the sums come to the pins.
    share = units_of(device, level) // (device.channels * device.organisation.ranks)
    energy = dict(near.energy_pJ)
    energy["background"] /= share
    energy["refresh"] /= share
    energy["io"] = len(offsets) * bursts * 8 * device.access_bytes * device.io_pJ_per_bit
    return Reduction(plain, replace(near, energy_pJ=energy), max(near.cycles, sent), len(offsets))
