"""Router of a mesh on chip. One action: one bit moved over one hop (buffer, switch, arbiter, clock and link).

Parts as in Orion (Kahng et al., DATE 2009) and DSENT (Sun et al., NOCS 2012): a bit is written to and read from one
buffer whatever the ports; the switch's wires grow with the ports that they pass; the arbiter looks at all ports for
each flit. Their shares are those of a router on silicon: Hoskote et al., "A 5-GHz mesh interconnect for a teraflops
processor", IEEE Micro 27(5), 2007, figure 8: 5 ports, 32 bits of data in a flit (remembered). The whole is anchored at
ISAAC's: 42 mW and 0.151 mm2 for 8 ports of 32 bits at 1.2 GHz and 32 nm (Shafiee et al., ISCA 2016, Table 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pimsim.components import wire
from pimsim.components.price import Number, Price, resolve

PORTS, FLIT_BITS = 5.0, 32.0
"""Of the router whose shares are known."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """Shares of the energy of a bit at 5 ports and flits of 32 bits; that energy (pJ) at 32 nm and 1 V: ISAAC's over
    what 8 ports make of it; ISAAC's area (um2)."""

    clock: float = 0.33
    buffer: float = 0.28  # queues and data path 22%, clock crossing of the links 6%
    switch: float = 0.15
    arbiter: float = 0.07
    link: float = 0.17
    bit_pJ: float = 42.0 / (8.0 * 32.0 * 1.2) / (0.33 + 0.28 + 0.17 + (0.15 + 0.07) * 8.0 / PORTS)
    isaac_um2: float = 151000.0
    stages: float = 5.0  # clocks through the router, the same publication
    wires: wire.Parameters = wire.DEFAULT


DEFAULT = Parameters()
SOURCE = (
    "42 mW over 8 ports x 32 bits x 1.2 GHz at 32 nm (ISAAC Table 1), C V^2 scaling; split into buffer, switch,"
    " arbiter, clock and link as measured (Hoskote et al., IEEE Micro 2007)"
)


def energy_pJ(parameters: Parameters, hw: Any) -> Number:
    """One bit over one hop (pJ). A link whose length the file gives is a repeated wire of that length."""
    spec = hw.network.router
    growing = (parameters.switch + parameters.arbiter * (FLIT_BITS / spec.flit_bits)) * (spec.ports / PORTS)
    inside = parameters.clock + parameters.buffer + growing
    bit_pJ = parameters.bit_pJ * hw.process.energy_32
    if spec.link_mm is None:
        return bit_pJ * (inside + parameters.link)
    return bit_pJ * inside + spec.link_mm * wire.energy_pJ_per_mm(parameters.wires, hw)


def latency_ns(parameters: Parameters, hw: Any) -> Number:
    """Through an idle router, and its link where the file gives its length (ns). Flits follow by the clock."""
    through = parameters.stages / hw.clock_GHz
    length = hw.network.router.link_mm
    return through if length is None else through + length * wire.latency_ns_per_mm(parameters.wires, hw)


def area_um2(parameters: Parameters, hw: Any) -> Number:
    """One router (um2): the switch decides, ports^2 x flit."""
    spec = hw.network.router
    size = (spec.ports / 8.0) ** 2 * (spec.flit_bits / 32.0)
    return parameters.isaac_um2 * size * (hw.technology.node_nm / 32.0) ** 2


def price(hw: Any) -> Price:
    """Price of one router."""
    spec = hw.network.router
    return resolve(
        hw,
        spec,
        action_ns=1.0 / (spec.ports * spec.flit_bits * hw.clock_GHz),
        energy_pJ=energy_pJ(DEFAULT, hw),
        area_um2=area_um2(DEFAULT, hw),
        leakage_mW_per_um2=hw.process.leakage_mW_per_um2,
        formula=SOURCE,
    )
