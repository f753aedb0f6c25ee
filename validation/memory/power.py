"""Energy by the vendor's power note, worked out from the data sheet's own table, and ours for the same residencies.

The note's terms (TN-40-07; TN-41-01 for DDR3), mW of a chip: activate (IDD0 - (IDD3N tRAS + IDD2N (tRC - tRAS)) / tRC)
VDD, scheduled tRC / tRRDsch; read (IDD4R - IDD3N) VDD RDsch, write alike; refresh (IDD5B - IDD3N) VDD tRFC / tREFI;
background IDD2N or IDD3N with CKE high, IDD2P or IDD3P with CKE low, shared out by BNK_PRE, CKE_LO_PRE and CKE_LO_ACT;
the same from VPP. Nothing here calls `pimsim.memory.energy` for the note's side.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pimsim.memory.device import Device, load_device
from pimsim.memory.energy import command_pJ, energy_pJ, state_mW
from pimsim.memory.policy import Policy
from pimsim.memory.run import Result, run_trace

PARTS = ("activate", "read", "write", "refresh", "background")
MILLISECOND = 1e6  # ns


def chip_mA(module: dict[str, Any]) -> dict[str, float]:
    """Currents of one chip from the module's table: notes 1 and 2 undone."""
    chips, both = module["chips_per_rank"], module["both_ranks"]
    found = {name: value / (2 * chips) for name, value in both.items()}
    idle = {"IDD": found["IDD2P"], "IPP": found["IPP3N"]}
    return found | {name: value / chips - idle[name[:3]] for name, value in module["one_rank"].items()}


def note_mW(module: dict[str, Any], usage: dict[str, float]) -> dict[str, float]:
    """Average power of a rank by the note, part by part. usage: the note's scheduled residencies."""
    i, volts, boost, t_rc, t_ras = chip_mA(module), module["VDD"], module["VPP"], module["tRC_ns"], module["tRAS_ns"]
    act = volts * (i["IDD0"] - (i["IDD3N"] * t_ras + i["IDD2N"] * (t_rc - t_ras)) / t_rc)
    act += boost * (i["IPP0"] - i["IPP3N"])
    ref = volts * (i["IDD5B"] - i["IDD3N"]) + boost * (i["IPP5B"] - i["IPP3N"])
    precharged, low, low_open = usage["BNK_PRE"], usage["CKE_LO_PRE"], usage["CKE_LO_ACT"]
    standby = precharged * (low * i["IDD2P"] + (1 - low) * i["IDD2N"])
    standby += (1 - precharged) * (low_open * i["IDD3P"] + (1 - low_open) * i["IDD3N"])
    chip = {
        "activate": act * t_rc / usage["tRRDsch_ns"],
        "read": volts * (i["IDD4R"] - i["IDD3N"]) * usage["RDsch"],
        "write": volts * (i["IDD4W"] - i["IDD3N"]) * usage["WRsch"],
        "refresh": ref * module["tRFC_ns"] / module["tREFI_ns"],
        "background": volts * standby + boost * i["IPP3N"],
    }
    return {part: power * module["chips_per_rank"] for part, power in chip.items()}


def our_mW(device: Device, usage: dict[str, float]) -> dict[str, float]:
    """The same from counts and residencies of one rank over a millisecond."""
    cycles = MILLISECOND / device.ns(1)
    precharged, active = usage["BNK_PRE"] * cycles, (1 - usage["BNK_PRE"]) * cycles
    energy = energy_pJ(
        device,
        activates=round(MILLISECOND / usage["tRRDsch_ns"]),
        reads=round(usage["RDsch"] * cycles / device.timing.burst),
        writes=round(usage["WRsch"] * cycles / device.timing.burst),
        refreshes=round(cycles / device.timing.tREFI),
        active_cycles=active * (1 - usage["CKE_LO_ACT"]),
        active_down_cycles=active * usage["CKE_LO_ACT"],
        precharged_cycles=precharged * (1 - usage["CKE_LO_PRE"]),
        precharged_down_cycles=precharged * usage["CKE_LO_PRE"],
    )
    return {part: energy[part] / MILLISECOND for part in PARTS}


def module_run() -> tuple[Device, Result]:
    """A trace on the module's bank engine: 200,000 requests with rows hit and missed, a third of them writes."""
    device, rng = load_device("ddr4_2400"), np.random.default_rng(0)
    address = rng.integers(0, device.capacity_bytes // 4096, 50_000).repeat(4) * 4096
    address += np.tile(np.arange(4) * device.access_bytes, 50_000)
    arrival = np.arange(len(address), dtype=np.int64) * 6
    write = (rng.random(len(address)) < 1 / 3).astype(np.uint8)
    policy = Policy(scheduler="frfcfs", page="closed")
    return device, run_trace(device, policy, [(address, write, arrival)])


def run_usage(device: Device, result: Result) -> dict[str, float]:
    """The note's residencies of that run, an average rank."""
    ranks, counts, total = device.organisation.ranks, result.counts, sum(result.residency.values())
    return {
        "tRRDsch_ns": device.ns(result.cycles) * ranks / counts["activate"],
        "RDsch": counts["read"] * device.timing.burst / total,
        "WRsch": counts["write"] * device.timing.burst / total,
        "BNK_PRE": result.residency["precharged"] / total,
        "CKE_LO_PRE": 0.0,
        "CKE_LO_ACT": 0.0,
    }


def spreadsheet_mW(given: dict[str, Any]) -> dict[str, float]:
    """Our powers in the terms of Micron's DDR3 spreadsheet for its chip."""
    sets = [f"timing.{name}={value}" for name, value in given["cycles"].items()]
    sets += [f"currents.{name}={value}" for name, value in given["currents"].items()]
    sets += [f"clock_MHz={given['clock_MHz']}", "organisation.chips_per_rank=1"]
    device = load_device("ddr4_2400", overrides=sets)
    act, read, write, ref = command_pJ(device)
    active, precharged, active_down, precharged_down, _ = state_mW(device)
    timing, ns = device.timing, device.ns
    return {
        "PRE_PDN": precharged_down,
        "PRE_STBY": precharged,
        "ACT_PDN": active_down,
        "ACT_STBY": active,
        "ACT": act / ns(timing.tRC),
        "RD": read / ns(timing.burst),
        "WR": write / ns(timing.burst),
        "REF": ref / ns(timing.tREFI),
    }
