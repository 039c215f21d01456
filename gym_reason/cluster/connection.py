"""Joining a Ray cluster, or starting one on this machine that ends with the run."""

import atexit
import contextlib
import importlib
import logging
import math
import os
import shutil
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import Any

from gym_reason.cluster.crew import Crew
from gym_reason.cluster.member import RayMember, Worker
from gym_reason.cluster.settings import CrewSettings, RaySettings, require_ray
from gym_reason.errors import RunError

LEAST_STORE_BYTES = 128 * 2**20
"""Shared memory of a Ray that the run starts, where its weights need less."""


class RayConnection:
    """This process's place in a cluster; the crews that it has there."""

    def __init__(self, settings: RaySettings, weight_bytes: int = 0) -> None:
        """Join the cluster that the settings name, or start one.

        Where this process is in a cluster already, that is the one, and it stays in it afterwards.

        Args:
            settings: Which cluster.
            weight_bytes: Size of the largest object that will be sent.

        Raises:
            UsageError: Ray is not installed.
            RunError: The cluster cannot be joined or started.
        """
        require_ray()
        self.settings = settings
        self._joined = False
        self._crews: list[Crew] = []
        self._folder: str | None = None
        # Ray's word to its makers over the network; nothing here asks the network by itself.
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        # What Ray will do by itself one day, and warns of until then.
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        # A call after the end would start a cluster of its own.
        os.environ["RAY_ENABLE_AUTO_CONNECT"] = "0"
        self.ray: Any = importlib.import_module("ray")
        atexit.register(self.close)
        if self.ray.is_initialized():
            return
        try:
            with _same_signals():
                self._join(weight_bytes)
        except Exception as error:  # It raises many kinds, RuntimeError and ConnectionError first.
            self.close()
            where = settings.address or "on this machine"
            first = str(error).strip().partition("\n")[0]
            raise RunError(
                f"cannot join Ray {where}: {type(error).__name__}: {first}",
                "a cluster that answers",
                "see `ray status` there",
            ) from error

    def _join(self, weight_bytes: int) -> None:
        settings = self.settings
        # What happens to workers is told by their crews; Ray's own lines would tear the display.
        common = {"log_to_driver": False, "logging_level": logging.CRITICAL}
        if settings.address:
            self.ray.init(address=settings.address, **common)
        else:
            # Short: sockets lie in it, whose paths have at most 107 characters.
            self._folder = tempfile.mkdtemp(prefix="gym-ray-", dir="/tmp")
            crews = (settings.workers, settings.engines, settings.verifiers)
            store = settings.object_store_mib * 2**20 or max(3 * weight_bytes, LEAST_STORE_BYTES)
            # As many as are asked for, whatever this machine has: they take turns.
            self.ray.init(
                num_cpus=max(1, math.ceil(sum(crew.count * crew.cpus for crew in crews))),
                resources=_add_up(crews),
                object_store_memory=store,
                include_dashboard=False,
                # A process for each processor would start, to be there for work of another kind.
                _system_config={"prestart_worker_first_driver": False},
                _temp_dir=self._folder,
                **common,
            )
        # There is no option for it: lost workers would be told of on the standard output, in the
        # middle of what else is written there.
        inner: Any = importlib.import_module("ray._private.worker")
        inner._worker_logs_enabled = False
        self._joined = True

    def hire(
        self,
        name: str,
        settings: CrewSettings,
        make: Callable[..., Worker],
        *arguments: Any,
        at_once: int = 1,
        say: Callable[[str], None] = lambda text: None,
    ) -> Crew:
        """Return a crew whose workers `make` makes of `arguments`; see `Crew`.

        An argument that is large is better a reference, as `put` returns it.
        """
        hire = lambda: RayMember(self.ray, settings, at_once, make, arguments)  # noqa: E731
        crew = Crew(name, settings.count, self.settings, hire, at_once=at_once, say=say)
        self._crews.append(crew)
        return crew

    def put(self, value: Any) -> Any:
        """Return a reference to a value, which goes to each machine once."""
        return self.ray.put(value)

    def close(self) -> None:
        """End the crews and leave the cluster; one that was started for this run ends."""
        atexit.unregister(self.close)
        for crew in self._crews:
            crew.close()
        self._crews.clear()
        if self._joined:
            self._joined = False
            with _same_signals():
                self.ray.shutdown()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


def fetch(reference: Any, timeout_s: float) -> Any:
    """Return the value behind a reference, in a worker. Raises RunError where it does not come."""
    ray: Any = importlib.import_module("ray")
    try:
        return ray.get(reference, timeout=timeout_s)
    except ray.exceptions.GetTimeoutError:
        raise RunError(
            f"an object did not arrive within {timeout_s:g} s",
            "a network between the nodes that carries it",
        ) from None


def _add_up(crews: tuple[CrewSettings, ...]) -> dict[str, float]:
    found: dict[str, float] = {}
    for crew in crews:
        for name, amount in crew.resources.items():
            found[name] = found.get(name, 0.0) + crew.count * amount
    return found


@contextlib.contextmanager
def _same_signals() -> Iterator[None]:
    """Keep who handles SIGTERM: Ray takes it over, and a run would not end after its step."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
