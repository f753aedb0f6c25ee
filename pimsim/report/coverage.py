"""`pimsim ops`: how each operator of a model is treated, and the share of MACs and bytes that it stands for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pimsim.errors import printable
from pimsim.graph.workload import NodeTreatment, Workload
from pimsim.report.sections import NAME_WIDTH, Column, Facts, Lines, Section, Table
from pimsim.report.units import clip, percent, scaled

UNKNOWN = "unknown"
UNSHAPED = "unknown shape"
TREATMENTS = ("mvm", "dynamic", "lookup", "digital", "move", "free", "constant", "skipped", UNKNOWN, UNSHAPED)
MEANING = {
    "mvm": "stationary weights on crossbars",
    "dynamic": "product of two activations",
    "lookup": "rows of a constant table",
    "digital": "digital units",
    "move": "data movement",
    "free": "no cost",
    "constant": "known before the run",
    "skipped": "left out, as asked for",
    UNKNOWN: "not understood",
    UNSHAPED: "not counted: behind an operator that is not understood",
}


@dataclass
class Group:
    """Nodes of one operator with one treatment."""

    op: str
    treatment: str
    nodes: int = 0
    executions: int = 0
    macs: int = 0
    weight_bytes: int = 0
    notes: list[str] = field(default_factory=list)


def grouped(workload: Workload) -> list[Group]:
    """Nodes by operator and treatment: products first, then as TREATMENTS has them, the most MACs first."""
    found: dict[tuple[str, str], Group] = {}
    for node in workload.nodes:
        group = found.setdefault((node.op, node.treatment), Group(node.op, node.treatment))
        group.nodes += 1
        group.executions += node.count
        group.macs += node.macs
        group.weight_bytes += node.weight_bytes
        if node.note and len(group.notes) < 3 and node.note not in group.notes:
            group.notes.append(node.note)
    rank = {name: index for index, name in enumerate(TREATMENTS)}
    return sorted(
        found.values(), key=lambda g: (rank.get(g.treatment, len(rank)), -g.macs, -g.weight_bytes, -g.nodes, g.op)
    )


def coverage(workload: Workload) -> dict[str, Any]:
    """Nodes, MACs and weight bytes in all and by treatment; `unknown` lists the operators not understood."""
    by_treatment = {
        name: {
            "nodes": sum(1 for node in workload.nodes if node.treatment == name),
            "macs": sum(node.macs for node in workload.nodes if node.treatment == name),
            "weight_bytes": sum(node.weight_bytes for node in workload.nodes if node.treatment == name),
        }
        for name in TREATMENTS
    }
    return {
        "nodes": len(workload.nodes),
        "understood": sum(1 for node in workload.nodes if node.treatment != UNKNOWN),
        "macs": sum(node.macs for node in workload.nodes),
        "weight_bytes": sum(node.weight_bytes for node in workload.nodes),
        "by_treatment": {name: row for name, row in by_treatment.items() if row["nodes"]},
        "unknown": sorted({node.op for node in workload.nodes if node.treatment == UNKNOWN}),
    }


def to_dict(workload: Workload, *, every_node: bool) -> dict[str, Any]:
    """The report as plain data."""
    document: dict[str, Any] = {
        "model": {"name": workload.name, "source": workload.source, "opset": workload.opset},
        "coverage": coverage(workload),
        "operators": [vars(group) for group in grouped(workload)],
        "notes": list(workload.notes),
    }
    if every_node:
        document["nodes"] = [_node_dict(node) for node in workload.nodes]
    return document


def _node_dict(node: NodeTreatment) -> dict[str, Any]:
    return {
        "name": node.name,
        "op": node.op,
        "treatment": node.treatment,
        "count": node.count,
        "macs": node.macs,
        "weight_bytes": node.weight_bytes,
        "note": node.note,
    }


def coverage_sections(workload: Workload, *, every_node: bool) -> list[Section]:
    """The report for people."""
    facts = coverage(workload)
    sections: list[Section] = [_summary(workload, facts), _group_table(workload, facts)]
    if every_node:
        sections.append(_node_table(workload, facts))
    notes = [printable(note, 1000) for note in workload.notes]
    notes += [f"{printable(g.op, 100)}: {printable(note, 600)}" for g in grouped(workload) for note in g.notes]
    if notes:
        sections.append(Lines("Notes", notes))
    if facts["unknown"]:
        names = ", ".join(printable(op, 80) for op in facts["unknown"][:20])
        lines = [
            f"not understood: {names}",
            *_not_counted(facts),
            "'pimsim run' stops at these; the ways out: --unknown-ops digital (one operation an output element) or "
            "--unknown-ops skip (no cost)",
        ]
        sections.append(Lines("Unknown operators", lines, warning=True))
    return sections


def _not_counted(facts: dict[str, Any]) -> list[str]:
    """The line about the nodes that could not be shaped."""
    nodes = facts["by_treatment"].get(UNSHAPED, {}).get("nodes", 0)
    if not nodes:
        return []
    return [f"{nodes:,} node{'s' if nodes > 1 else ''} behind them cannot be shaped: their MACs are not in this count"]


def _summary(workload: Workload, facts: dict[str, Any]) -> Facts:
    treated = facts["by_treatment"]
    on_crossbars = treated.get("mvm", {}).get("macs", 0)
    held = sum(treated.get(name, {}).get("weight_bytes", 0) for name in ("mvm", "lookup"))
    opset = f", opset {workload.opset}" if workload.opset else ""
    pairs = [
        ("model", f"{printable(workload.name, 80)}{opset}"),
        ("nodes", f"{facts['nodes']:,}, of which {facts['understood']:,} are understood"),
        ("MACs", f"{scaled('count', facts['macs'])}, {percent(on_crossbars, facts['macs'])}% on crossbars"),
        (
            "weights",
            f"{scaled('bytes', facts['weight_bytes'])} as stored, {percent(held, facts['weight_bytes'])}% in products "
            "and lookups",
        ),
    ]
    return Facts(f"Operators of {printable(workload.name, 80)}", pairs)


def _group_table(workload: Workload, facts: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = []
    for group in grouped(workload):
        rows.append(
            (
                clip(printable(group.op, 100), NAME_WIDTH),
                group.treatment,
                f"{group.nodes:,}",
                f"{group.executions:,}",
                scaled("count", group.macs) if group.macs else "",
                percent(group.macs, facts["macs"]) if group.macs else "",
                scaled("bytes", group.weight_bytes) if group.weight_bytes else "",
                percent(group.weight_bytes, facts["weight_bytes"]) if group.weight_bytes else "",
                MEANING.get(group.treatment, ""),
            )
        )
    columns = (
        Column("operator", right=False),
        Column("treatment", right=False),
        Column("nodes"),
        Column("executions", rank=2),
        Column("MACs"),
        Column("%"),
        Column("weights"),
        Column("%"),
        Column("how", right=False, rank=1),
    )
    return Table("By operator", columns, rows)


def _node_table(workload: Workload, facts: dict[str, Any]) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            clip(printable(node.name, 300), NAME_WIDTH),
            clip(printable(node.op, 100), 30),
            node.treatment,
            f"{node.count:,}",
            scaled("count", node.macs) if node.macs else "",
            scaled("bytes", node.weight_bytes) if node.weight_bytes else "",
            printable(node.note, 300),
        )
        for node in workload.nodes
    ]
    columns = (
        Column("node", right=False),
        Column("operator", right=False),
        Column("treatment", right=False),
        Column("executions", rank=2),
        Column("MACs"),
        Column("weights"),
        Column("note", right=False),
    )
    return Table("By node", columns, rows)
