"""Do tasks give the same, in order, wherever they run, and what does a lost worker or an interruption cost?"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pimsim.errors import InputError
from pimsim.explore.executor import Executor, WorkerLost

TASKS = '''
import os
import pathlib
import signal
import threading
import time

import numpy as np


def square(task):
    return task * task


def draw(task, rng):
    return task, rng.random(3).tobytes(), rng.integers(1 << 60)


def scaled(task, shared, rng=None):
    return task * shared["factor"], None if rng is None else rng.random()


def product(task, rng):
    """A reduction whose last bit depends on the number of threads."""
    a = rng.standard_normal((300, 300))
    return (a @ a.T).tobytes()


def fail(task):
    if task == 3:
        raise ValueError(f"task {task} is bad")
    return task


def process(task):
    time.sleep(0.02)
    return os.getpid()


def say(task):
    print("a task prints", task)
    return task


def unsendable(task):
    return threading.Lock()


def note(task, shared):
    """Leaves a mark for each time that it runs; the first to see `task` 2 kills its own process."""
    folder = pathlib.Path(shared)
    (folder / f"{task}-{os.urandom(6).hex()}").touch()
    if task == 2 and len(list(folder.glob("2-*"))) == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def suicide(task):
    if task == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def slow_first(task):
    time.sleep(0.3 if task == 0 else 0.0)
    return task


def sleep(task):
    time.sleep(task)
    return task
'''


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory):
    """A module that workers can import too."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "executor_tasks.py").write_text(TASKS)
    sys.path.insert(0, str(folder))
    import executor_tasks

    yield executor_tasks
    sys.path.remove(str(folder))


@pytest.fixture(scope="module")
def pool():
    with Executor(workers=2) as executor:
        yield executor


@pytest.fixture(params=["serial", "processes", pytest.param("ray", marks=pytest.mark.slow)])
def executor(request: pytest.FixtureRequest, tasks):
    if request.param == "ray":
        pytest.importorskip("ray")
    made = {"serial": {}, "processes": {"workers": 2}, "ray": {"workers": 2, "ray": "local"}}[request.param]
    with Executor(**made) as running:
        yield running


def test_results_come_in_the_order_of_the_tasks(executor: Executor, tasks) -> None:
    assert list(executor.map(tasks.square, range(57), chunk_size=5)) == [n * n for n in range(57)]
    assert list(executor.map(tasks.square, [])) == []
    assert dict(executor.completed(tasks.square, [5, 6, 7])) == {0: 25, 1: 36, 2: 49}


def test_a_task_has_the_same_generator_everywhere(executor: Executor, tasks) -> None:
    for seed in (11, (11, 4)):
        spawned = np.random.SeedSequence(seed).spawn(20)
        expected = []
        for task, sequence in enumerate(spawned):
            rng = np.random.default_rng(sequence)
            expected.append((task, rng.random(3).tobytes(), rng.integers(1 << 60)))
        for size in (1, 7):
            assert list(executor.map(tasks.draw, range(20), seed=seed, chunk_size=size)) == expected


def test_what_is_shared_reaches_every_task(executor: Executor, tasks) -> None:
    assert list(executor.map(tasks.scaled, range(4), shared={"factor": 3})) == [(n * 3, None) for n in range(4)]
    again = list(executor.map(tasks.scaled, range(4), shared={"factor": 5}, seed=1))
    assert [value for value, _ in again] == [0, 5, 10, 15]
    assert len({drawn for _, drawn in again}) == 4


def test_products_of_matrices_have_the_same_bits_everywhere(executor: Executor, tasks) -> None:
    with Executor() as serial:
        assert list(executor.map(tasks.product, range(3), seed=5)) == list(serial.map(tasks.product, range(3), seed=5))


def test_the_first_fault_in_order_is_raised_after_what_came_before_it(executor: Executor, tasks) -> None:
    results = executor.map(tasks.fail, range(9))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="task 3 is bad") as caught:
        next(results)
    assert "in fail" in caught.value.__notes__[0]
    assert list(executor.map(tasks.fail, [1, 2])) == [1, 2]


def test_a_call_that_is_left_early_leaves_the_executor_usable(executor: Executor, tasks) -> None:
    for value in executor.map(tasks.square, range(100)):
        if value == 4:
            break
    assert list(executor.map(tasks.square, range(5))) == [0, 1, 4, 9, 16]


def test_a_second_call_in_the_middle_of_one_is_refused(executor: Executor, tasks) -> None:
    outer = executor.map(tasks.square, range(5))
    next(outer)
    with pytest.raises(RuntimeError, match="in the middle of another call"):
        next(executor.map(tasks.square, range(5)))
    outer.close()


def test_a_lost_worker_costs_its_chunk_only(tmp_path: Path, pool: Executor, tasks) -> None:
    assert list(pool.map(tasks.note, range(6), shared=str(tmp_path))) == list(range(6))
    runs = [sum(name.startswith(f"{task}-") for name in os.listdir(tmp_path)) for task in range(6)]
    assert runs == [1, 1, 2, 1, 1, 1]


@pytest.mark.slow
def test_a_lost_worker_of_ray_costs_its_chunk_only(tmp_path: Path, tasks) -> None:
    pytest.importorskip("ray")
    with Executor(2, ray="local") as executor:
        assert list(executor.map(tasks.note, range(6), shared=str(tmp_path))) == list(range(6))
        runs = [sum(name.startswith(f"{task}-") for name in os.listdir(tmp_path)) for task in range(6)]
        assert runs == [1, 1, 2, 1, 1, 1]
        with pytest.raises(WorkerLost, match="tasks 1 to 1 ended 3 workers of Ray"):
            list(executor.map(tasks.suicide, range(3)))


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="reads Linux's table of sockets")
def test_ray_of_this_machine_listens_on_the_loopback_only(tasks) -> None:
    pytest.importorskip("ray")
    with Executor(2, ray="local") as executor:
        assert list(executor.map(tasks.square, range(4))) == [0, 1, 4, 9]
        listening = _listening(_family(os.getpid()))
    assert listening
    loopback = {"0100007F", "0" * 24 + "01000000", "0" * 16 + "FFFF00000100007F"}
    assert {address for address, _ in listening} <= loopback


def _family(process: int) -> set[int]:
    """The process and all below it."""
    parents = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text().rpartition(")")[2].split()[1])
    family = {process}
    while more := {child for child, parent in parents.items() if parent in family} - family:
        family |= more
    return family


def _listening(processes: set[int]) -> set[tuple[str, str]]:
    """(address, port) on which they listen, in the hexadecimal form of Linux."""
    own = set()
    for process in processes:
        with contextlib.suppress(OSError):
            own |= {os.readlink(entry) for entry in Path(f"/proc/{process}/fd").iterdir()}
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and f"socket:[{fields[9]}]" in own:
                address, _, port = fields[1].partition(":")
                found.add((address, port))
    return found


def test_a_chunk_that_ends_every_worker_is_given_up(pool: Executor, tasks) -> None:
    with pytest.raises(WorkerLost, match=r"tasks 1 to 1 ended 3 worker processes \(the last with exit code -9\)"):
        list(pool.map(tasks.suicide, range(3)))
    assert list(pool.map(tasks.square, range(3))) == [0, 1, 4]


def test_a_worker_killed_between_calls_is_replaced(pool: Executor, tasks) -> None:
    for pid in set(pool.map(tasks.process, range(6))):
        os.kill(pid, signal.SIGKILL)
    time.sleep(0.05)
    assert list(pool.map(tasks.square, range(6))) == [0, 1, 4, 9, 16, 25]


def test_workers_stay_up_from_call_to_call(pool: Executor, tasks) -> None:
    first = set(pool.map(tasks.process, range(8)))
    assert set(pool.map(tasks.process, range(8))) <= first
    assert os.getpid() not in first


def test_map_does_not_run_far_ahead_of_what_is_used(pool: Executor, tasks) -> None:
    taken = []

    def endless():
        n = 0
        while True:
            taken.append(n)
            yield n
            n += 1

    for value in pool.map(tasks.slow_first, endless()):
        assert len(taken) <= value + 2 * 4 + 1
        if value == 3:
            break


def test_what_tasks_print_goes_to_the_error_stream(tasks, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(tasks.__file__).parent)!r}); import executor_tasks\n"
        "from pimsim.explore.executor import Executor\n"
        "with Executor(workers=1) as e: print(sum(e.map(executor_tasks.say, [1, 2])))\n"
    )  # without an `if __name__ == '__main__'`: no script is run again
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert run.stdout == "3\n"
    assert "a task prints 1" in run.stderr


def test_results_that_cannot_be_sent_say_so(pool: Executor, tasks) -> None:
    with pytest.raises(RuntimeError, match="what the task gave cannot be sent back"):
        list(pool.map(tasks.unsendable, [1]))


@pytest.mark.parametrize("workers", [0, 1])
def test_time_runs_out(workers: int, tasks) -> None:
    with Executor(workers) as executor:
        with pytest.raises(TimeoutError):
            list(executor.map(tasks.sleep, [0.3] * 10, timeout_s=0.2))
        assert list(executor.map(tasks.square, [3])) == [9]


def test_workers_end_with_a_killed_caller(tasks, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(tasks.__file__).parent)!r}); import executor_tasks\n"
        "from pimsim.explore.executor import Executor\n"
        "e = Executor(workers=2)\n"
        "print(*set(e.map(executor_tasks.process, range(8))), flush=True)\n"
        "list(e.map(executor_tasks.sleep, [60, 60]))\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as caller:
        workers = [int(pid) for pid in caller.stdout.readline().split()]
        caller.kill()
    assert workers
    patience = time.monotonic() + 20.0
    while any(_alive(pid) for pid in workers):
        assert time.monotonic() < patience, "workers have outlived their caller"
        time.sleep(0.02)


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("workers", [0, 1])
def test_only_importable_functions_are_tasks(workers: int) -> None:
    def nested(task: int) -> int:
        return task

    with Executor(workers) as executor:
        for function in (nested, lambda task: task):
            with pytest.raises(InputError, match="a task must be a function at the top level of an importable module"):
                list(executor.map(function, [1]))


def test_wrong_arguments_are_told() -> None:
    with pytest.raises(InputError, match=r"workers must be 0 \(this process\) to 1024; got -1"):
        Executor(-1)
    with pytest.raises(InputError, match="workers must be 0"):
        Executor(True)
    with Executor() as executor:
        with pytest.raises(InputError, match="chunk_size must be 1 or more; got 0"):
            list(executor.map(abs, [1], chunk_size=0))
        with pytest.raises(InputError, match="seed must be a whole number of 0 or more, or several; got -1"):
            list(executor.map(abs, [1], seed=-1))


def test_without_ray_the_way_out_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"Ray is not installed; pip install 'pimsim\[ray\]'"):
        Executor(2, ray="local")
