"""Tile bus, mesh router, off-chip link, off-chip memory. One action: one bit carried (router: over one hop)."""

from __future__ import annotations

from typing import Any

from pimsim.components.price import Number, Price, resolve

WIRE_fF_PER_MM = 200.0
"""Wire with its repeaters (ITRS 2011, intermediate and global wires: 0.15 to 0.25 fF/um)."""

LINK_pJ_PER_BIT = 5.0
"""Serial link over a board (assumed, usual for 2 to 8 pJ a bit of published 28 nm SerDes)."""


def bus(hw: Any) -> Price:
    """Length x capacitance x V^2 x activity 0.5; area of 384 wires is ISAAC's 0.09 mm2 at 32 nm."""
    spec = hw.tile.bus
    volt = hw.technology.supply_V
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (spec.width_bits * hw.clock_GHz),
        energy_pJ=spec.length_mm * WIRE_fF_PER_MM * 1e-3 * volt * volt * 0.5,
        area_um2=90000.0 / 384.0 * spec.width_bits * (hw.technology.node_nm / 32.0),
        leakage_mW_per_um2=0.1 * hw.process.leakage_mW_per_um2,
        formula="length x 200 fF/mm x V^2 x activity 0.5 (ITRS 2011); area by ISAAC's 384 wires",
    )


def router(hw: Any) -> Price:
    """Anchor: ISAAC Table 1: 42 mW and 0.151 mm2 for 8 ports of 32 bits at 1.2 GHz, 32 nm; area as ports^2 x flit."""
    spec = hw.network.router
    area: Number = 151000.0 * (spec.ports / 8.0) ** 2 * (spec.flit_bits / 32.0) * (hw.technology.node_nm / 32.0) ** 2
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (spec.ports * spec.flit_bits * hw.clock_GHz),
        energy_pJ=42.0 / (8.0 * 32.0 * 1.2) * (spec.ports / 8.0) * hw.process.energy_32,
        area_um2=area,
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula="42 mW over 8 ports x 32 bits x 1.2 GHz at 32 nm (ISAAC Table 1), C V^2 scaling, proportional to ports",
    )


def link(hw: Any) -> Price:
    """Energy a bit and, per link, 0.5 mm2 at 32 nm (assumed); a tenth of its full-rate power is drawn at all times."""
    spec = hw.chip.link
    action_ns = 1.0 / (8.0 * spec.bandwidth_GBps)
    return resolve(
        hw,
        spec,
        action_ns=action_ns,
        energy_pJ=LINK_pJ_PER_BIT,
        area_um2=5e5 * hw.technology.node_nm / 32.0,
        leakage_mW=0.1 * LINK_pJ_PER_BIT / action_ns,
        on_supply=False,
        formula="5 pJ a bit, 10% of full-rate power when idle, 0.5 mm2 at 32 nm (assumed)",
    )


DRAM_pJ_PER_BIT = {"dram": 20.0, "hbm": 3.92, "nvm": 30.0}
"""DDR: Horowitz, ISSCC 2014 (1.3 to 2.6 nJ for 64 bits); HBM2: O'Connor et al., MICRO 2017; NVM: assumed."""


def memory(hw: Any) -> Price:
    """Off-chip memory; its area is on other dies."""
    spec = hw.memory
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (8.0 * spec.bandwidth_GBps),
        energy_pJ=DRAM_pJ_PER_BIT[spec.kind],
        area_um2=0.0,
        on_supply=False,
        formula="pJ a bit of the kind (Horowitz, ISSCC 2014; O'Connor et al., MICRO 2017)",
    )
