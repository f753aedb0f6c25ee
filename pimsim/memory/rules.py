"""The timing rules of the standards, pair by pair: which command must keep which distance from which earlier one.

Written from the standards' own tables, as distances between two commands and not as the next times that the kernels
keep; the checker and the simpy reference read this table, the kernels do not. Clauses are those of JESD79-4 (DDR4) as
numbered in September 2012 (values by speed: tables 80 to 83, 101, 102); the other standards have the same parameter in
their own timing tables, under the same name (LPDDR5: JESD209-5B tables 330 to 333, 344, 372, refresh 235; HBM2:
JESD235D tables 67, 68).
"""

from __future__ import annotations

from dataclasses import dataclass

from pimsim.memory.device import Device
from pimsim.memory.policy import Policy

NAMES = ("ACT", "PRE", "RD", "WR", "RDA", "WRA", "PREU", "REF")  # as numbered in a command log
READS, WRITES = frozenset({"RD", "RDA"}), frozenset({"WR", "WRA"})
ACTIVATES, REFRESHES = frozenset({"ACT"}), frozenset({"REF"})
CLOSES = frozenset({"PRE", "PREU"})


@dataclass(frozen=True)
class Rule:
    """`after` stands at least `cycles` behind `before` where `scope` holds for their places; tFAW: behind the fourth
    last one (`nth`)."""

    name: str
    before: frozenset[str]
    after: frozenset[str]
    scope: str  # the same "bank", "group", "rank", "channel", or "other rank"
    cycles: int
    clause: str
    nth: int = 1


def rules(device: Device, policy: Policy) -> list[Rule]:
    """Every rule that holds between two commands of one (pseudo-)channel of the device."""
    t = device.timing
    core = "JESD79-4, 4.19 Key Core Timing"
    read, write = "JESD79-4, 4.24 Read Operation", "JESD79-4, 4.25 Write Operation"
    written = t.tCWL + t.burst
    handed = t.burst + t.tRTRS
    columns = READS | WRITES
    found = [
        Rule("tRCD", ACTIVATES, READS, "bank", t.tRCD, "JESD79-4, 4.22 ACTIVATE Command: tRCD"),
        Rule("tRCD", ACTIVATES, WRITES, "bank", t.tRCD_write or t.tRCD, "JESD79-4, 4.22 ACTIVATE Command: tRCD"),
        Rule("tRAS", ACTIVATES, CLOSES, "bank", t.tRAS, "JESD79-4, 4.23 Precharge Command: tRAS"),
        Rule("tRC", ACTIVATES, ACTIVATES | REFRESHES, "bank", t.tRC, "JESD79-4, 4.22 ACTIVATE Command: tRC"),
        Rule("tRP", CLOSES, ACTIVATES | REFRESHES, "bank", t.tRP, "JESD79-4, 4.23 Precharge Command: tRP"),
        Rule("tRRD_L", ACTIVATES, ACTIVATES, "group", t.tRRD_L, f"{core}, figure 57: tRRD_L"),
        Rule("tRRD_S", ACTIVATES, ACTIVATES, "rank", t.tRRD_S, f"{core}, figure 57: tRRD_S"),
        Rule("tCCD_L", READS, READS, "group", t.tCCD_L, f"{core}, figure 56: tCCD_L"),
        Rule("tCCD_L", WRITES, WRITES, "group", t.tCCD_L_write or t.tCCD_L, f"{core}, figure 55: tCCD_L (DDR5: _WR)"),
        Rule("tCCD_S", READS, READS, "rank", t.tCCD_S, f"{core}, figure 56: tCCD_S"),
        Rule("tCCD_S", WRITES, WRITES, "rank", t.tCCD_S, f"{core}, figure 55: tCCD_S"),
        Rule("tRTW", READS, WRITES, "rank", t.tRTW, f"{read}: RL + BL/2 - WL + 2 (JESD79-5B, table 43)"),
        Rule("tWTR_L", WRITES, READS, "group", written + t.tWTR_L, f"{core}, figure 60: WL + BL/2 + tWTR_L"),
        Rule("tWTR_S", WRITES, READS, "rank", written + t.tWTR_S, f"{core}, figure 59: WL + BL/2 + tWTR_S"),
        Rule("tRTP", READS, CLOSES, "bank", t.tRTP, f"{read}: tRTP"),
        Rule("tWR", WRITES, CLOSES, "bank", written + t.tWR, f"{write}: WL + BL/2 + tWR"),
        Rule("tRTRS", READS, READS, "other rank", handed, "data bus handed from rank to rank: BL/2 + tRTRS"),
        Rule("tRTRS", WRITES, WRITES, "other rank", handed, "data bus handed from rank to rank: BL/2 + tRTRS"),
        Rule("tRTRS", READS, WRITES, "other rank", max(1, t.tCL + handed - t.tCWL), "RL + BL/2 + tRTRS - WL"),
        Rule("tRTRS", WRITES, READS, "other rank", max(1, written + t.tRTRS - t.tCL), "WL + BL/2 + tRTRS - RL"),
        Rule("tPPD", CLOSES, CLOSES, "rank", t.tPPD, "JESD79-5B, precharge to precharge: tPPD"),
        Rule("bus", ACTIVATES, frozenset(NAMES), "channel", t.activate_cycles, "one command bus a channel"),
        Rule("bus", columns, frozenset(NAMES), "channel", t.column_cycles, "one command bus a channel"),
        Rule("bus", CLOSES | REFRESHES, frozenset(NAMES), "channel", 1, "one command bus a channel"),
    ]
    if policy.refresh == "all_bank":
        clause = "JESD79-4, 4.26 Refresh Command: tRFC (table 23)"
        found += [
            Rule("tRFC", REFRESHES, ACTIVATES | REFRESHES, "bank", t.tRFC, clause),
            Rule("tFAW", ACTIVATES, ACTIVATES, "rank", t.tFAW, f"{core}, figure 58: tFAW", nth=4),
        ]
    else:
        cycles = t.tRFC_pb if policy.refresh == "per_bank" else t.tRFC_sb
        other = "JESD79-5B, JESD209-4, JESD235D: refresh of a part of the banks"
        counted = ACTIVATES | REFRESHES
        found += [
            Rule("tRFC_pb", REFRESHES, ACTIVATES | REFRESHES, "bank", cycles, f"{other}: tRFCpb, tRFCsb"),
            Rule("tRREFD", REFRESHES, ACTIVATES | REFRESHES, "rank", t.tRREFD, f"{other}: tRREFD, tREFSBRD"),
            Rule("tPBR2PBR", REFRESHES, REFRESHES, "rank", t.tPBR2PBR, f"{other}: tpbR2pbR"),
            Rule("tFAW", counted, counted, "rank", t.tFAW, f"{other}: counts as an activate for tFAW", nth=4),
            Rule("tRRD_L", ACTIVATES, REFRESHES, "group", t.tRRD_L, f"{other}: counts as an activate for tRRD"),
            Rule("tRRD_S", ACTIVATES, REFRESHES, "rank", t.tRRD_S, f"{other}: counts as an activate for tRRD"),
        ]
    return [rule for rule in found if rule.cycles > 0]
