"""A worker from both sides: the actor in its own process, and the handle on it here."""

import asyncio
import os
import resource
import socket
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, Protocol, TypeVar

from gym_reason.cluster.settings import CrewSettings

T = TypeVar("T")


class Worker(Protocol):
    """Does the work, in a process of its own."""

    def work(self, part: Any, /) -> Any:
        """Return the result of a part."""
        ...


class Member(Protocol):
    """A worker as its crew sees it: what is asked of it comes back as a future."""

    def start(self) -> "Future[str]":
        """Make the worker; gives where it is."""
        ...

    def work(self, part: Any) -> "Future[Any]":
        """Have it do a part."""
        ...

    def beat(self) -> "Future[Any]":
        """Ask it for a sign of life, which it gives beside its work."""
        ...

    def kill(self) -> None:
        """End its process, whatever it does. Never waits and never raises."""
        ...


class Host:
    """The actor. Several threads call it at once."""

    def __init__(self, memory_bytes: int) -> None:
        """Keep to `memory_bytes` from the start; 0 is no limit."""
        if memory_bytes:
            # Private memory alone: shared weights and what a GPU's driver maps are no leak.
            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
        self._worker: Worker | None = None

    def start(self, make: Callable[..., Worker], *arguments: Any) -> str:
        """Make the worker and say where it is."""
        self._worker = make(*arguments)
        return f"process {os.getpid()} on {socket.gethostname()}"

    def work(self, part: Any) -> Any:
        """Return the result of a part."""
        assert self._worker is not None
        return self._worker.work(part)

    def beat(self) -> None:
        """Say nothing: that an answer comes is the sign."""


class RayMember:
    """A `Host` on some node of the cluster."""

    def __init__(
        self,
        ray: Any,
        settings: CrewSettings,
        at_once: int,
        make: Callable[..., Worker],
        arguments: tuple[Any, ...],
    ) -> None:
        """Ask Ray for a process.

        Args:
            ray: The module.
            settings: What the process is given.
            at_once: How many parts it may have at a time.
            make: Makes the worker there.
            arguments: What it is given; references to objects arrive as the objects.
        """
        memory = int(settings.memory_gib * 2**30)
        options: dict[str, Any] = {
            "num_cpus": settings.cpus,
            "num_gpus": settings.gpus,
            "resources": dict(settings.resources),
            # Its crew replaces it, with the weights of that moment.
            "max_restarts": 0,
            "max_task_retries": 0,
            # One more, so that there is always a thread for a sign of life.
            "max_concurrency": at_once + 1,
            "scheduling_strategy": "SPREAD",
        }
        if memory:
            options["memory"] = memory
        self._ray = ray
        self._make = make
        self._arguments = arguments
        self._actor: Any = ray.remote(Host).options(**options).remote(memory)

    def start(self) -> "Future[str]":
        """Make the worker; gives where it is."""
        return self._future(self._actor.start.remote(self._make, *self._arguments))

    def work(self, part: Any) -> "Future[Any]":
        """Have it do a part."""
        return self._future(self._actor.work.remote(part))

    def beat(self) -> "Future[Any]":
        """Ask it for a sign of life."""
        return self._future(self._actor.beat.remote())

    def kill(self) -> None:
        """End its process; one that is stopped too, after the five seconds that Ray gives it."""
        try:
            self._ray.kill(self._actor, no_restart=True)
        except Exception:  # Ray is gone, and its processes with it.
            return

    def _future(self, reference: Any) -> "Future[Any]":
        future: Future[Any] = reference.future()
        return future


class LoopThread:
    """An event loop in a thread of its own, for a worker whose calls come from several."""

    def __init__(self, name: str, settle: Callable[[], None] = lambda: None) -> None:
        """Start it; `settle` is called there first, for what holds for a thread alone."""
        self._loop = asyncio.new_event_loop()
        self._settle = settle
        threading.Thread(target=self._serve, name=name, daemon=True).start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Return what some work returns, beside whatever else runs there."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def close(self) -> None:
        """End the thread."""
        self._loop.call_soon_threadsafe(self._loop.stop)

    def _serve(self) -> None:
        self._settle()
        self._loop.run_forever()
        self._loop.close()


def explain(error: BaseException) -> tuple[BaseException | None, str]:
    """Return what a worker's own code raised, if that is what an error is about, and a sentence."""
    cause = getattr(error, "cause", None)
    if isinstance(cause, BaseException):
        return cause, f"raised {type(cause).__name__}: {_first_line(cause)}"
    if type(error).__module__.partition(".")[0] == "ray":
        return None, f"is gone: {_first_line(error)}"
    return error, f"raised {type(error).__name__}: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:300] if lines else "without a word"
