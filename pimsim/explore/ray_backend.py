"""Chunks on a Ray cluster, or on a local one started on the loopback address. Ray is an optional extra."""

from __future__ import annotations

import os
import sys
from typing import Any

from pimsim.errors import InputError, printable
from pimsim.explore.backends import MAX_LOSSES, Backend, WorkerLost
from pimsim.explore.tasks import Chunk, Job, Outcome, run_chunk

_OBJECT_STORE_BYTES = 512 * 1024**2


def run_remotely(path: list[str], job: Job, shared: Any, chunk: Chunk) -> Outcome:
    """`run_chunk` in a worker of Ray, which also finds modules where the caller does."""
    sys.path.extend(place for place in path if place not in sys.path)
    return run_chunk(Job(job.function, shared, job.seed), chunk)


class Ray(Backend):
    """`address` is that of a cluster ("auto", "ray://host:port"), or "local" for one on this machine with `workers`
    processes, which ends with `close`. Ray itself does the chunks of a killed worker again."""

    def __init__(self, address: str, workers: int | None):
        ray = _import_ray(address)
        self._ray, self._started = ray, not ray.is_initialized()
        if self._started:
            _start(ray, address, workers)
        self.slots = workers or max(1, int(ray.cluster_resources().get("CPU", 1)))
        options = {"num_cpus": 1, "max_retries": MAX_LOSSES - 1}
        self._run = ray.remote(run_remotely).options(**options)
        self._path = list(sys.path)
        self._flying: dict[Any, Chunk] = {}

    def begin(self, job: Job) -> None:
        self._job = Job(job.function, None, job.seed)
        self._shared = self._ray.put(job.shared)

    def submit(self, chunk: Chunk) -> None:
        self._flying[self._run.remote(self._path, self._job, self._shared, chunk)] = chunk

    def wait(self, seconds: float | None) -> Outcome:
        left = None if seconds is None else max(seconds, 0.0)
        done, _ = self._ray.wait(list(self._flying), num_returns=1, timeout=left)
        if not done:
            raise TimeoutError
        chunk = self._flying.pop(done[0])
        try:
            outcome: Outcome = self._ray.get(done[0])
        except (self._ray.exceptions.WorkerCrashedError, self._ray.exceptions.OutOfMemoryError) as fault:
            last = chunk.first + len(chunk.tasks) - 1
            words = f"tasks {chunk.first} to {last} ended {MAX_LOSSES} workers of Ray; is there enough memory?"
            raise WorkerLost(words) from fault
        return outcome

    def abandon(self) -> None:
        for flying in self._flying:
            self._ray.cancel(flying, force=True)
        self._flying.clear()

    def close(self) -> None:
        self.abandon()
        if self._started:
            self._ray.shutdown()


def _import_ray(address: str) -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    if address == "local":
        # Ray would listen on all interfaces: it takes 127.0.0.1 for the address that others reach it by. Where it is
        # not to make clusters (the setting is named after the systems on which that is so), it stays on the loopback.
        os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    try:
        import ray
    except ImportError:
        raise InputError("Ray is not installed; pip install 'pimsim[ray]', or use workers of this machine") from None
    constants: Any = sys.modules.get("ray._private.ray_constants")
    if address == "local" and getattr(constants, "ENABLE_RAY_CLUSTER", False):
        constants.ENABLE_RAY_CLUSTER = False  # Ray had been imported before
    return ray


def _start(ray: Any, address: str, workers: int | None) -> None:
    quiet = {"log_to_driver": False, "logging_level": "ERROR"}
    if address != "local":
        try:
            ray.init(address=address, **quiet)
        except (ConnectionError, ValueError, RuntimeError) as fault:
            raise InputError(f"no Ray cluster at '{printable(address, 80)}': {printable(fault, 200)}") from fault
        return
    os.environ["RAY_AUTH_MODE"] = "disabled"  # it would leave a token in the home directory
    os.environ.setdefault("RAY_worker_niceness", "0")  # as processes of our own; 15 starves beside anything else
    ray.init(
        address="local",
        num_cpus=workers or os.cpu_count(),
        num_gpus=0,
        include_dashboard=False,
        _node_ip_address="127.0.0.1",
        object_store_memory=_OBJECT_STORE_BYTES,
        **quiet,
    )
