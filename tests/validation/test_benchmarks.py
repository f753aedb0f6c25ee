"""Do the benchmarks measure what they say, on a miniature scale? Nothing here depends on how fast the machine is."""

import json
import re
from pathlib import Path

import onnx
import pytest
import yaml

from validation.benchmarks import __main__ as command
from validation.benchmarks import processes, references, simulating, stored_weights
from validation.benchmarks.measure import Measurement, best, machine, run_process

PEERS = Path(__file__).resolve().parents[3] / "shared" / "reference" / "peers.yaml"


def test_ratio_and_verdict() -> None:
    assert Measurement("x", 3.0, "s", 2.0).ratio == 1.5
    assert not Measurement("x", 3.0, "s", 2.0).within
    assert Measurement("x", 2.0, "s", 2.0).within
    assert Measurement("x", 3.0, "s").within
    assert Measurement("x", 3.0, "s").ratio is None


def test_every_repetition_gets_new_items_once() -> None:
    made: list[object] = []
    used: list[object] = []

    def prepare() -> list[object]:
        made.extend(new := [object() for _ in range(4)])
        return new

    wall_s, processor_s = best(3, prepare, used.append)
    assert 0.0 <= wall_s < float("inf")
    assert 0.0 <= processor_s < float("inf")
    assert used == made
    assert len(set(map(id, used))) == 12


def test_no_hardware_object_comes_twice() -> None:
    found = simulating.fresh_hardware(150) + simulating.fresh_hardware(150)
    assert len({machine.model_dump_json() for machine in found}) == 300
    assert len({(m.crossbar.rows, m.crossbar.columns, m.crossbar.adc.bits, m.chip.tiles) for m in found}) > 200


@pytest.mark.parametrize(("measure", "bar"), [(simulating.vgg8_call, 0.2), (simulating.resnet50_call, 1.0)])
def test_calls_are_measured_against_their_bar(measure: object, bar: float) -> None:
    compiled, plain = measure(repetitions=1, objects=3)
    assert (compiled.bar, compiled.unit, plain.bar) == (bar, "ms", None)
    assert "3 different new hardware objects" in compiled.detail
    assert min(compiled.value, plain.value) > 0.0


def test_events_and_kernel_time_the_same_pipeline() -> None:
    (found,) = references.events(repetitions=1, calls=2)
    assert found.value > 0.0
    latencies = re.fullmatch(r".*latency ([\d,]+) ns and ([\d,]+) ns", found.detail)
    by_events, by_kernel = (float(text.replace(",", "")) for text in latencies.groups())
    assert by_events == pytest.approx(by_kernel, rel=0.1)  # the events move in steps of a 64th of a layer


def test_peers_are_named_with_their_source() -> None:
    found = references.peers(repetitions=1, objects=1)
    assert [one.name for one in found] == [
        "MNSIM 2.0 over simulate(), VGG-8", "NeuroSim V1.3 over simulate(), VGG-8",
        "MNSIM 2.0 over simulate(), ResNet-18", "ZigZag over simulate(), ResNet-18",
    ]  # fmt: skip
    assert all("measured 2026-11-24" in one.detail and one.bar is None for one in found)


def test_our_copy_of_the_peers_is_the_reference() -> None:
    if not PEERS.exists():
        pytest.skip("the reference file does not stand beside the checkout")
    given, ours = yaml.safe_load(PEERS.read_text("utf-8")), yaml.safe_load(references.PEERS.read_text("utf-8"))
    mnsim, neurosim = ours["vgg8"]
    assert mnsim["seconds"] == given["mnsim2_vgg8"]["hardware_evaluation_s"]
    assert neurosim["seconds"] == given["neurosim_v1.3_vgg8"]["wall_s"]
    assert ours["resnet18"][0]["seconds"] == given["mnsim2_resnet18"]["hardware_evaluation_s"]


def test_a_process_is_measured_and_its_failure_is_told() -> None:
    small, large = (run_process(["-c", f"x = bytearray({size}); x[::512] = x[::512]"]) for size in (1, 200_000_000))
    assert large.peak_MB - small.peak_MB > 150.0
    assert small.peak_MB < 100.0
    assert large.wall_s > 0.0
    with pytest.raises(RuntimeError, match=r"exit code 3:\noh no"):
        run_process(["-c", "import sys; print('oh no', file=sys.stderr); sys.exit(3)"])


@pytest.mark.parametrize("megabytes", [10, 40, 150])
def test_the_generated_model_has_the_size_asked_for(megabytes: int) -> None:
    model = stored_weights.build(megabytes)
    onnx.checker.check_model(model, full_check=True)
    assert model.ByteSize() == pytest.approx(megabytes * 1e6, rel=0.2)


def test_memory_is_measured_against_the_file() -> None:
    (found,) = processes.peak_memory(repetitions=1, sizes_MB=(40,))
    assert found.bar == pytest.approx(2 * 40 + 200, rel=0.1)
    assert found.value > 40.0


def test_a_new_copy_runs_and_has_no_cache(tmp_path: Path) -> None:
    processes.install_afresh(tmp_path)
    assert not list(tmp_path.rglob("__pycache__"))
    assert (tmp_path / "pimsim" / "_data" / "hwconfigs" / "reram_128.yaml").is_file()
    code = "import pimsim, sys; sys.exit(not pimsim.__file__.startswith(sys.argv[1]))"
    run_process(["-c", code, tmp_path], {"PYTHONPATH": str(tmp_path)})


@pytest.mark.slow
def test_processes_are_measured_against_their_bars() -> None:
    wall, median, cpu = processes.whole_process(repetitions=1)
    assert (wall.bar, median.bar, cpu.bar) == (1.2, None, None)
    (first,) = processes.first_run(repetitions=1)
    assert (first.bar, first.unit) == (3.0, "s")
    assert min(wall.value, median.value, cpu.value, first.value) > 0.0


def test_the_command_prints_bars_and_ends_with_1_over_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = Measurement("quick", 1.0, "s", 2.0, "a detail"), Measurement("slow", 3.0, "s", 2.0)
    monkeypatch.setattr(command, "BENCHMARKS", {"good": lambda: [good], "bad": lambda: [bad]})
    assert command.main(["good"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Python ")
    assert "load average" in first
    assert last.startswith("afterwards: Python ")
    assert second.split() == ["quick", "1", "s", "bar", "2", "s", "0.50", "of", "it", "a", "detail"]
    target = tmp_path / "found.json"
    assert command.main(["--json", str(target)]) == 1
    assert "1.50 of it  OVER" in capsys.readouterr().out
    stored = json.loads(target.read_text("utf-8"))
    assert [(one["name"], one["within"]) for one in stored["measurements"]] == [("quick", True), ("slow", False)]
    with pytest.raises(SystemExit):
        command.main(["nothing"])
    assert "no benchmark 'nothing'; benchmarks are good, bad" in capsys.readouterr().err


def test_the_machine_is_named() -> None:
    assert "cores" in machine()


def test_the_supernet_benchmark_takes_a_plain_twin_as_its_bar() -> None:
    from validation.benchmarks.supernet import supernet

    step, evaluation = supernet(pairs=1)
    assert step.bar is not None
    assert evaluation.bar is not None
    assert re.search(r"[\d.]+ x a plain twin", step.detail)


def test_the_lowering_benchmark_says_what_it_measured() -> None:
    from validation.benchmarks.lowering import lowering

    (one,) = lowering(count=20, repetitions=1, singles=2)
    assert one.bar == 50.0
    assert one.value > 0.0
    assert re.search(r"bar 20,000/s; [\d,]+ x one by one \([\d,]+ us, of it [\d,]+ us lowering\)", one.detail)
