"""Do other simulators get our device and policy, and does the record of their cycles hold for our engine?"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.memory.address import decode
from pimsim.memory.run import run_trace
from validation.memory_peers import __main__ as command
from validation.memory_peers import dramsim3, ramulator2, record
from validation.memory_peers.setting import DEVICES, POLICIES, WINDOW, apart, device, traces

SMALL = 5000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ddr4_2400", "protocol = DDR4|tRCD = 17|tCCD_L = 6|tRFC = 420|tRTRS = 2|columns = 1024|channel_size = 8192"),
        ("ddr4_3200", "protocol = DDR4|tRCD = 22|tCCD_L = 8|tRFC = 560|tRTRS = 2|BL = 8|channel_size = 8192"),
        ("hbm2", "protocol = HBM|tRCDRD = 14|tRCDWR = 12|tCCD_S = 2|BL = 4|columns = 64|channel_size = 512"),
    ],
)
def test_the_peer_gets_our_device_and_policy(name: str, expected: str) -> None:
    lines = dramsim3.configuration(device(name), 1000).splitlines()
    policy = "cmd_queue_size = 32|trans_queue_size = 1|unified_queue = true|row_buf_policy = OPEN_PAGE"
    assert set(f"{expected}|{policy}|hbm_dual_cmd = false".split("|")) <= set(lines)


@pytest.mark.parametrize("name", DEVICES)
def test_what_it_derives_itself_is_ours(name: str) -> None:
    """Its tRC, its read to write, and its capacity."""
    memory = device(name)
    given = dict(line.split(" = ") for line in dramsim3.configuration(memory, 1).splitlines() if " = " in line)
    t = {key: int(value) for key, value in given.items() if value.isdigit()}
    assert t["tRAS"] + t["tRP"] == memory.timing.tRC
    assert t["CL"] + t["BL"] // 2 - t["CWL"] + t["tRTRS"] == memory.timing.tRTW
    columns = t["columns"] * (2 if given["protocol"] == "HBM" else 1)
    banks = t["bankgroups"] * t["banks_per_group"]
    assert columns * t["bus_width"] // 8 * t["rows"] * banks == memory.capacity_bytes
    assert t["bus_width"] // 8 * t["BL"] == memory.access_bytes


def test_a_trace_in_text() -> None:
    requests = np.array([0, 255], dtype=np.int64), np.array([0, 1], dtype=np.uint8)
    assert dramsim3.trace_text(requests) == "0x0 READ 0\n0xFF WRITE 0\n"


def test_no_address_comes_again_within_the_window() -> None:
    assert apart(np.array([1, 2, 1, 3, 1, 2]), window=2).tolist() == [1, 2, 3, 1, 2]
    for address, is_write in traces(device("hbm2"), 1000).values():
        assert len(address) == len(is_write) == 1000
        assert all(len(set(part)) == WINDOW for part in np.lib.stride_tricks.sliding_window_view(address, WINDOW))


PROGRAM = """#!{python}
import json, pathlib, sys
config, cycles, trace, folder = sys.argv[1], int(sys.argv[3]), sys.argv[5], sys.argv[7]
size = len(open(trace).readlines())
need, epoch = {need}, int(open(config).read().split("epoch_period = ")[1].split()[0])
ends = [size * min(1, (n + 1) * epoch / need) for n in range(cycles // epoch)]
served = [int(b) - int(a) for a, b in zip([0, *ends], ends)]
epochs = [dict(num_read_cmds=one, num_write_cmds=0, num_reads_done=one, num_writes_done=0) for one in served]
pathlib.Path(folder, "dramsim3epoch.json").write_text(json.dumps(epochs))
"""


@pytest.mark.parametrize(("need", "fault"), [(10_000, ""), (20_000, ""), (90_000, "DRAMsim3 finished .* of 5000")])
def test_its_cycles_are_read_to_a_thousandth(tmp_path: Path, need: int, fault: str) -> None:
    """As thought, twice as many as thought, and never done."""
    program = tmp_path / "peer"
    program.write_text(PROGRAM.format(python=sys.executable, need=need), "utf-8")
    program.chmod(0o755)
    memory = device("ddr4_2400")
    requests = traces(memory, SMALL)["stream"]
    if fault:
        with pytest.raises(RuntimeError, match=fault):
            dramsim3.run(program, memory, requests, 10_000)
    else:
        assert dramsim3.run(program, memory, requests, 10_000).cycles == pytest.approx(need, rel=2e-3)


@pytest.mark.parametrize("name", ["ddr4_2400", "ddr4_3200"])
def test_ramulator_gets_our_device_and_places(name: str) -> None:
    memory = device(name)
    given = ramulator2.dram(memory)
    assert (given["nRCD"], given["nCCDL"], given["nFAW"], given["nREFI"]) == (
        memory.timing.tRCD, memory.timing.tCCD_L, memory.timing.tFAW, memory.timing.tREFI
    )  # fmt: skip
    assert given["bank"] * given["bankgroup"] * given["row"] * given["column"] * 8 == memory.capacity_bytes
    address = traces(memory, 500)["random"][0]
    ours = decode(memory, POLICIES["Ramulator 2"].mapping, address)
    theirs = decode(memory, ramulator2.MAPPING, ramulator2.rewritten(memory, address))
    assert all((ours[field] == theirs[field]).all() for field in ours)
    assert ramulator2.trace_text(*(np.array([1, 2]), np.array([0, 1], dtype=np.uint8))) == "LD 1\nST 2\n"


RAMULATOR = """
class Part:
    def __init__(self, **given):
        self.given = given
    def to_config(self):
        return {name: [one.to_config() for one in value] if name == "controllers" else
                value.to_config() if isinstance(value, Part) else value for name, value in self.given.items()}
class Parts:
    def __getattr__(self, name):
        return Part
dram = controller = scheduler = refresh_manager = row_policy = addr_mapper = channel_mapper = memory_system = Parts()
frontend = Parts()
"""
PEER = """#!{python}
import json, sys
config = json.load(open(sys.argv[1]))
(controller,) = config["memory_system"]["controllers"]
lines = open(config["frontend"]["path"]).readlines()
print("words before")
print(len(lines) - {missing}, controller["dram"]["nRCD"] + controller["read_buffer_size"])
"""


def test_ramulator_is_configured_and_read(tmp_path: Path) -> None:
    package = tmp_path / "python" / "ramulator"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(RAMULATOR, "utf-8")
    memory = device("ddr4_2400")
    requests = traces(memory, 100)["stream"]
    for missing in (0, 1):
        (tmp_path / "peer").write_text(PEER.format(python=sys.executable, missing=missing), "utf-8")
        (tmp_path / "peer").chmod(0o755)
        if missing:
            with pytest.raises(RuntimeError, match="finished 99 of 100 requests in 49 cycles"):
                ramulator2.run(tmp_path, memory, requests, 0)
        else:
            assert ramulator2.run(tmp_path, memory, requests, 0).cycles == 17 + 32
    with pytest.raises(InputError, match="hbm2 is not"):
        ramulator2.dram(device("hbm2"))


def test_every_trace_of_the_record_is_within_the_bar(capsys: pytest.CaptureFixture[str]) -> None:
    raw = json.loads((record.FOLDER / "record.json").read_text("utf-8"))["rows"]
    assert {row["device"] for row in raw} == set(DEVICES)
    for row in raw:
        bar = 0.01 if row["peer"] == "DRAMsim3" else 0.02
        assert abs(row["ours_cycles"] - row["theirs_cycles"]) <= bar * row["theirs_cycles"], row
    assert command.main([]) == 0
    printed = capsys.readouterr().out
    for peer in ("DRAMsim3", "Ramulator 2"):
        worst = max((r["ours_cycles"] / r["theirs_cycles"] - 1 for r in raw if r["peer"] == peer), key=abs)
        assert f"Largest difference from {peer}: {worst:+.2%}" in printed


def test_the_report_is_that_of_the_record() -> None:
    assert (record.FOLDER / "REPORT.md").read_text("utf-8") == record.report(record.read())


@pytest.mark.parametrize(
    "requests", [SMALL, pytest.param(100_000, marks=pytest.mark.slow), pytest.param(1_000_000, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("name", DEVICES)
def test_our_cycles_are_those_of_the_record(name: str, requests: int) -> None:
    memory, recorded = device(name), [row for row in record.read() if (row.device, row.requests) == (name, requests)]
    given = traces(memory, requests)
    assert {row.trace for row in recorded} == set(given)
    for row in recorded:
        assert run_trace(memory, POLICIES[row.peer], [(*given[row.trace], None)]).cycles == row.ours_cycles, row


def test_rows_replace_those_of_the_same_trace(tmp_path: Path) -> None:
    old = record.Row("DRAMsim3", "hbm2", "zipf", 10, 100, 100, 1.0, 2.0)
    new = record.Row("DRAMsim3", "hbm2", "zipf", 10, 102, 100, 1.0, 2.0)
    record.save([old], tmp_path)
    record.save([new], tmp_path)
    assert record.read(tmp_path) == [new]
    assert "| +2.00% |" in (tmp_path / "REPORT.md").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--dramsim3", "nowhere"], "--dramsim3: no program at 'nowhere'"),
        (["--ramulator2", "nowhere"], "--ramulator2: no program at 'nowhere/peer'"),
        (["--requests", "0"], "--requests must be from 1 to 100000000; got 0"),
        (["--dramsim3", __file__, "--device", "ddr9"], "devices to compare are ddr4_2400, .*; got 'ddr9'"),
    ],
)
def test_wrong_options_are_said(arguments: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        command.main(arguments)
