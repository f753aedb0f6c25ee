"""Does every fault of a hardware file come with its place, the rule, what was got, what is allowed, the way out?"""

from __future__ import annotations

from typing import Any

import pytest

GOOD = """\
name: toy
crossbar:
  rows: 64
  adc:
    bits: 8
"""

SINGLE = {
    "unknown key, near": (
        GOOD.replace("rows: 64", "rows: 64\n  colums: 3"),
        "hw.yaml:4:3: crossbar.colums: unknown key; did you mean 'columns'?",
    ),
    "unknown key, far": (
        GOOD + "    zzz: 3\n",
        "hw.yaml:6:5: crossbar.adc.zzz: unknown key; allowed: kind, bits, energy_pJ, area_um2, columns_per_adc",
    ),
    "unknown key, known elsewhere": (
        GOOD + "rows: 3\n",
        "hw.yaml:6:1: rows: unknown key; allowed: name, verbose, count, levels, tables, crossbar;"
        " it belongs at crossbar.rows",
    ),
    "unit": (
        GOOD + "    energy_nJ: 2.5\n",
        "hw.yaml:6:5: crossbar.adc.energy_nJ: unit: use energy_pJ (1 nJ = 1000 pJ); write energy_pJ: 2500",
    ),
    "unit of area": (
        GOOD + "    area_mm2: x\n",
        "hw.yaml:6:5: crossbar.adc.area_mm2: unit: use area_um2 (1 mm2 = 1000000 um2)",
    ),
    "case": (
        GOOD + "    energy_pj: 2\n",
        "hw.yaml:6:5: crossbar.adc.energy_pj: unknown key; did you mean 'energy_pJ'?",
    ),
    "no unit": (
        GOOD + "    energy: 2\n",
        "hw.yaml:6:5: crossbar.adc.energy: unknown key; did you mean 'energy_pJ'?",
    ),
    "mistyped required key is not missing as well": (
        GOOD.replace("rows:", "row:"),
        "hw.yaml:3:3: crossbar.row: unknown key; did you mean 'rows'?",
    ),
    "number with unit": (
        GOOD + "    energy_pJ: 2 pJ\n",
        "hw.yaml:6:16: crossbar.adc.energy_pJ: must be a number; got text '2 pJ'; allowed 0 to 1e15;"
        " write 2 (the unit is in the key)",
    ),
    "number with another unit": (
        GOOD + "    energy_pJ: 2nJ\n",
        "hw.yaml:6:16: crossbar.adc.energy_pJ: must be a number; got text '2nJ'; allowed 0 to 1e15;"
        " write 2000 (the key is in pJ; 1 nJ = 1000 pJ)",
    ),
    "range": (
        GOOD.replace("bits: 8", "bits: 0"),
        "hw.yaml:5:11: crossbar.adc.bits: out of range; got 0; allowed 1 to 16",
    ),
    "open range": (
        GOOD + "    area_um2: 0\n",
        "hw.yaml:6:15: crossbar.adc.area_um2: out of range; got 0; allowed above 0",
    ),
    "fraction": (
        GOOD.replace("bits: 8", "bits: 8.5"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got 8.5; allowed 1 to 16",
    ),
    "truth for a number": (
        GOOD.replace("bits: 8", "bits: true"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got true; allowed 1 to 16",
    ),
    "old truth for a number": (
        GOOD.replace("bits: 8", "bits: on"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got text 'on'; allowed 1 to 16",
    ),
    "quoted number": (
        GOOD.replace("bits: 8", "bits: '8'"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got text '8'; allowed 1 to 16;"
        " take the quotes off: 8",
    ),
    "base 60": (
        GOOD.replace("bits: 8", "bits: 1:30"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got text '1:30'; allowed 1 to 16;"
        " numbers with colons (base 60) are not read",
    ),
    "underscore": (
        GOOD.replace("rows: 64", "rows: 1_024"),
        "hw.yaml:3:9: crossbar.rows: must be a whole number; got text '1_024'; allowed 1 to 65536;"
        " no underscores in numbers: write 1024",
    ),
    "octal": (
        GOOD.replace("rows: 64", "rows: 010"),
        "hw.yaml:3:9: crossbar.rows: must be a whole number; got text '010'; allowed 1 to 65536;"
        " leading zeros are read as octal by some: write 10",
    ),
    "decimal comma": (
        GOOD + "    area_um2: 2,5\n",
        "hw.yaml:6:15: crossbar.adc.area_um2: must be a number; got text '2,5'; allowed above 0;"
        " write a decimal point: 2.5",
    ),
    "infinity": (
        GOOD + "    area_um2: .inf\n",
        "hw.yaml:6:15: crossbar.adc.area_um2: must be a number; got text '.inf'; allowed above 0;"
        " numbers must be finite",
    ),
    "not a number": (
        GOOD + "    area_um2: .NaN\n",
        "hw.yaml:6:15: crossbar.adc.area_um2: must be a number; got text '.NaN'; allowed above 0;"
        " numbers must be finite",
    ),
    "overflow": (
        GOOD + "    area_um2: 1e999\n",
        "hw.yaml:6:15: crossbar.adc.area_um2: must be a number; got text '1e999'; allowed above 0;"
        " numbers must be finite",
    ),
    "choice": (
        GOOD + "    kind: falsh\n",
        "hw.yaml:6:11: crossbar.adc.kind: must be one of sar, flash, ramp; got text 'falsh'; did you mean 'flash'?",
    ),
    "word or number": (
        GOOD + "count: autp\n",
        "hw.yaml:6:8: count: must be 'auto' or a whole number; got text 'autp'; allowed at least 1;"
        " did you mean 'auto'?",
    ),
    "word or number, out of range": (
        GOOD + "count: 0\n",
        "hw.yaml:6:8: count: must be 'auto' or a whole number; got 0; allowed at least 1",
    ),
    "null": (
        GOOD.replace("bits: 8", "bits:"),
        "hw.yaml:5:10: crossbar.adc.bits: must be a whole number; got nothing (null); allowed 1 to 16;"
        " leave the key out for its default",
    ),
    "mapping for a number": (
        GOOD.replace("bits: 8", "bits: {a: 1}"),
        "hw.yaml:5:11: crossbar.adc.bits: must be a whole number; got a mapping; allowed 1 to 16",
    ),
    "list for a mapping": (
        "name: a\ncrossbar: [1]\n",
        "hw.yaml:2:11: crossbar: must be a mapping (indented keys); got a list",
    ),
    "number for text": (
        GOOD.replace("name: toy", "name: 128"),
        "hw.yaml:1:7: name: must be text; got 128; put it in quotes: '128'",
    ),
    "truth for text": (
        GOOD.replace("name: toy", "name: true"),
        "hw.yaml:1:7: name: must be text; got true; put it in quotes: 'true'",
    ),
    "text for truth": (GOOD + "verbose: maybe\n", "hw.yaml:6:10: verbose: must be true or false; got text 'maybe'"),
    "quoted yes": (GOOD + "verbose: 'yes'\n", "hw.yaml:6:10: verbose: must be true or false; got text 'yes'"),
    "list item": (
        GOOD + "levels:\n  - 1\n  - x\n",
        "hw.yaml:8:5: levels[1]: must be a number; got text 'x'",
    ),
    "number for a list": (GOOD + "levels: 3\n", "hw.yaml:6:9: levels: must be a list; got 3"),
    "free key": (
        GOOD + "tables: {a: 1, b: x}\n",
        "hw.yaml:6:19: tables.b: must be a whole number; got text 'x'",
    ),
    "missing": (
        GOOD.replace("  rows: 64\n", ""),
        "hw.yaml:2:1: crossbar.rows: missing; expected a whole number; allowed 1 to 65536 (wordlines)",
    ),
    "missing section": (
        "name: toy\n",
        "hw.yaml:1:1: crossbar: missing; expected a mapping (indented keys)",
    ),
    "rule with path": (
        GOOD.replace("name: toy", "name: path"),
        "hw.yaml:3:9: crossbar.rows: rows must be even",
    ),
    "rule without path": (GOOD.replace("name: toy", "name: plain"), "hw.yaml:1:1: plain is no name"),
    "rule about a default stands at the section": (
        GOOD.replace("rows: 64", "rows: 64\n  r_off_ohm: 10"),
        "hw.yaml:2:1: crossbar.r_on_ohm: must be below r_off_ohm",
    ),
    "control characters in a key": (
        GOOD + '"\\x1b[31m\\n": 1\n',
        "hw.yaml:6:1: \\x1b[31m\\n: unknown key; allowed: name, verbose, count, levels, tables, crossbar",
    ),
}


@pytest.mark.parametrize("case", SINGLE)
def test_one_fault(toy: Any, case: str) -> None:
    text, message = SINGLE[case]
    assert toy.problems(text) == [message]


def test_a_good_file(toy: Any) -> None:
    loaded = toy.load(toy.good)
    assert (loaded.crossbar.rows, loaded.crossbar.adc.energy_pJ) == (64, 0.2)


@pytest.mark.parametrize(
    ("word", "value"), [("yes", True), ("On", True), ("NO", False), ("off", False), ("true", True)]
)
def test_old_booleans_count_where_a_boolean_is_asked_for(toy: Any, word: str, value: bool) -> None:
    assert toy.load(GOOD + f"verbose: {word}\n").verbose is value


def test_old_booleans_are_text_where_text_is_asked_for(toy: Any) -> None:
    assert toy.load(GOOD.replace("name: toy", "name: off")).name == "off"


def test_numbers_of_either_spelling(toy: Any) -> None:
    loaded = toy.load(GOOD.replace("rows: 64", "rows: 1e3\n  r_on_ohm: 5") + "levels: [1, 1e-9, 2.0]\n")
    assert loaded.crossbar.rows == 1000
    assert type(loaded.crossbar.rows) is int
    assert type(loaded.crossbar.r_on_ohm) is float
    assert loaded.levels == (1.0, 1e-9, 2.0)


def test_all_faults_at_once_in_the_order_of_the_file(toy: Any) -> None:
    text = "crossbar:\n  adc: {bits: 99, kind: sra}\n  rows: x\n  r_in_ohm: 3\nlevels: [a]\n"
    assert toy.problems(text) == [
        "hw.yaml:1:1: name: missing; expected text",
        "hw.yaml:2:15: crossbar.adc.bits: out of range; got 99; allowed 1 to 16",
        "hw.yaml:2:25: crossbar.adc.kind: must be one of sar, flash, ramp; got text 'sra'; did you mean 'sar'?",
        "hw.yaml:3:9: crossbar.rows: must be a whole number; got text 'x'; allowed 1 to 65536",
        "hw.yaml:4:3: crossbar.r_in_ohm: unknown key; did you mean 'r_on_ohm'?",
        "hw.yaml:5:10: levels[0]: must be a number; got text 'a'",
    ]


def test_rules_that_were_collected_come_at_their_own_keys(toy: Any) -> None:
    text = GOOD.replace("rows: 64", "rows: 64\n  r_on_ohm: 1e7") + "    columns_per_adc: 256\n"
    assert toy.problems(text) == [
        "hw.yaml:4:13: crossbar.r_on_ohm: must be below r_off_ohm",
        "hw.yaml:7:22: crossbar.adc.columns_per_adc: must be at most columns = 128",
    ]


def test_thousands_of_faults_are_cut_off(toy: Any) -> None:
    problems = toy.problems(GOOD + "".join(f"key_{i}: 1\n" for i in range(5000)))
    assert len(problems) == 51
    assert problems[0].startswith("hw.yaml:6:1: key_0: unknown key")
    assert problems[-1] == "hw.yaml: and 4950 more problems"


def test_long_names_are_cut_in_messages(toy: Any) -> None:
    (line,) = toy.problems(GOOD + f"{'k' * 900}: 1\n")
    assert len(line) < 300
