"""Banks: timing by hand, a million requests against closed forms, and a module's energy by the vendor's power note."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from pimsim.memory.device import load_device
from pimsim.validation import Report, Row

from . import power, timing

HERE = Path(__file__).parent
NOTES = (
    "Timing: the device files hold the standard's parameters, so the sums are bookkeeping of the engine; every one "
    "must come out to the cycle. Clauses, figures and tables are those of JESD79-4's first issue (September 2012), "
    "which has DDR4-2400; DDR4-3200 came later, DDR5 and HBM2 have the same parameters in their own timing tables.",
    "Energy: the note's side comes from the module's table and the note's equations alone; ours from counts and "
    "residencies. DQ and termination are in neither.",
)


def run() -> Report:
    """Rows of all three, with the sums written out."""
    by_hand = yaml.safe_load((HERE / "by_hand.yaml").read_text("utf-8"))
    given = yaml.safe_load((HERE / "power.yaml").read_text("utf-8"))
    rows = [*timing_rows(by_hand["scenarios"]), *million_rows(by_hand["million"]), *power_rows(given)]
    source = f"{by_hand['source']}; {given['note']}; {given['module']['source']}; {given['spreadsheet']['source']}"
    return Report("memory", source, tuple(rows), NOTES, text=clauses(by_hand["scenarios"]))


def timing_rows(scenarios: dict[str, Any]) -> list[Row]:
    """One row a scenario and device: cycles by hand and ours, which must be equal."""
    ours, rows = timing.scenarios(), []
    for name, scenario in scenarios.items():
        for device, terms in scenario["cycles"].items():
            written = " + ".join(str(term) for term in terms).replace("+ -", "- ")
            quantity = f"{device}, {name}: {written}"
            rows.append(Row(quantity, "cycles", sum(terms), ours[name](device), 0.0, "bookkeeping"))
    return rows


def million_rows(million: dict[str, Any]) -> list[Row]:
    """A million reads within 0.5% of the closed form."""
    rows = []
    for device, (refresh, interval) in million["refresh"].items():
        for kind, form in ((kind, form) for kind, form in million.items() if kind != "refresh"):
            expected = timing.REQUESTS * form["each"][device] / (1.0 - refresh / interval)
            quantity = f"{device}, 1,000,000 {kind}: n x {form['sum']} / (1 - tRFC/tREFI)"
            rows.append(Row(quantity, "cycles", expected, timing.million(device, kind), 0.005, "bookkeeping"))
    return rows


def power_rows(given: dict[str, Any]) -> list[Row]:
    """The module by the note, for given residencies and for those of a run; Micron's spreadsheet for a DDR3 chip."""
    module, rows = given["module"], []
    device, result = power.module_run()
    of_run = power.run_usage(device, result)
    total = {part: result.energy_pJ[part] / result.time_ns / device.organisation.ranks for part in power.PARTS}
    for label, usage, ours in (
        ("given residencies", module["usage"], power.our_mW(load_device("ddr4_2400"), module["usage"])),
        ("a run of 200,000 requests", of_run, total),
    ):
        theirs = power.note_mW(module, usage)
        rows += [
            Row(f"{module['name']}, a rank, {label}: {part}", "mW", theirs[part], ours[part], 0.01, "bookkeeping")
            for part in power.PARTS
        ]
    sheet, ours = given["spreadsheet"]["mW"], power.spreadsheet_mW(given["spreadsheet"])
    rows += [Row(f"DDR3 spreadsheet: {name}", "mW", mW, ours[name], 0.01, "prediction") for name, mW in sheet.items()]
    return rows


def clauses(scenarios: dict[str, Any]) -> str:
    """Which clause and which sum each scenario stands for."""
    lines = ["| scenario | cycles by hand | clause |", "| :--- | :--- | :--- |"]
    lines += [f"| {name} | {scenario['sum']} | {scenario['clause']} |" for name, scenario in scenarios.items()]
    return "\n".join(lines) + "\n"
