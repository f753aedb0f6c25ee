"""Which memory a hardware description looks rows up in, and how: one answer for every command."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace

from pimsim.hardware.memory import Banks
from pimsim.hardware.schema import Hardware
from pimsim.memory.device import Device
from pimsim.memory.near.spec import Near, is_near, load_near
from pimsim.memory.of_hardware import load_memory, memory_name
from pimsim.memory.policy import Policy


@dataclass(frozen=True)
class Setup:
    """A memory with its controller and the way tables stand on it. Equal setups give equal figures.

    near: reduction near the banks, which `device` is then the plain memory of; None: every row goes to the host.
    placement: "interleaved", or one of `pimsim.memory.placement.policies.POLICIES` on `unit`s. banks: the default
    trace.
    """

    device: Device
    near: Near | None = field(compare=False)
    policy: Policy
    placement: str
    unit: str
    banks: Banks
    identity: str = ""

    @property
    def name(self) -> str:
        """Of the memory, and of what is near it."""
        if self.near is None:
            return self.device.name
        crossbars = self.near.spec.crossbar is not None
        return self.near.spec.name if crossbars else f"{self.near.spec.name} on {self.device.name}"


def setup_of(hardware: Hardware, source: str | os.PathLike[str] | None = None) -> Setup:
    """The memory that `hardware` names in `memory.banks`; where it names none, the shipped one of its `memory.kind`.

    source: in its place a memory or near memory, by the name of a shipped one or a file. The controller is that of
    `memory.banks` all the same. Raises InputError for a memory that is not there, or that the controller does not suit.
    """
    banks = hardware.memory.banks
    if source is not None:
        near = load_near(source, overrides=_of_device(banks)) if is_near(source) else None
        device = load_memory(source, overrides=banks.set.split()) if near is None else near.memory
    else:
        near = None if banks.near is None else load_near(banks.near, overrides=_of_device(banks, banks.device is None))
        if near is not None and banks.device is None:
            device = near.memory
        else:
            device = load_memory(banks.device or memory_name(hardware), overrides=banks.set.split())
            near = None if near is None else near.with_memory(device)
    policy = Policy(scheduler=banks.scheduler, queue=banks.queue, page=banks.page, refresh=banks.refresh)
    if banks.mapping is not None:
        policy = replace(policy, mapping=banks.mapping)
    policy.check(device)
    identity = "" if near is None else near.spec.model_dump_json()
    return Setup(device, near, policy, banks.placement, banks.unit, banks, identity)


def _of_device(banks: Banks, changed: bool = True) -> list[str]:
    """Changes of the memory as those of a near memory."""
    return [f"device.{text}" for text in banks.set.split()] if changed else []
