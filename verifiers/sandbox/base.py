"""The interface of a sandbox, and what its backends share: the talk with the server inside."""

import contextlib
import itertools
import json
import os
import select
import socket
import sysconfig
import zlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from gym_reason.errors import RunError
from gym_reason.types import Json
from gym_reason.verifiers.sandbox import inside
from gym_reason.verifiers.sandbox.cgroups import Counters
from gym_reason.verifiers.sandbox.limits import Limits
from gym_reason.verifiers.sandbox.walls import memory_file

PRELOAD = (
    "ast", "atexit", "base64", "bisect", "collections", "copy", "dataclasses", "datetime",
    "decimal", "enum", "fractions", "functools", "hashlib", "heapq", "io", "itertools", "json",
    "linecache", "math", "operator", "random", "re", "socket", "statistics", "string", "threading",
    "traceback", "types", "typing",
)  # fmt: skip
"""What the warm interpreter has imported before any run."""
_FIRST_LINE = (
    "import socket, sys; control = socket.socket(fileno=int(sys.argv[1])); "
    "exec(compile(control.recv(1 << 17), '<boot>', 'exec'))"
)
PYTHON_ARGUMENTS = ("-s", "-P", "-B", "-c", _FIRST_LINE)
"""Arguments of the interpreter inside, before the number of the control socket's descriptor.

It reads nothing of a user's, writes no bytecode, and runs what comes first through the socket.
"""
_INSIDE = "gym_reason.verifiers.sandbox.inside"
_SERVER = f"{_INSIDE}.server"
_ANSWER_LIMIT_S = 5.0


class SandboxLostError(RunError):
    """A sandbox stopped to answer: our failure, never the submission's."""


@dataclass(frozen=True, slots=True)
class Job:
    """One run: a function of a module that is sent into the sandbox, and what it is given."""

    main: str
    """`module:function`; the module imports nothing but the standard library and its like."""
    content: Mapping[str, Json]
    """The function's first argument."""
    stdin: bytes = b""
    """Standard input."""
    link: socket.socket | None = None
    """A socket that the run gets too, to speak with another run."""
    cpu_s: int = 60
    """Seconds of processor time of one process of the run."""


@dataclass(slots=True, eq=False)
class Run:
    """A run under way, as the host sees it."""

    number: int
    """Its number in its sandbox."""
    pipes: dict[int, str]
    """The host's ends of its pipes that are still open, and which they are."""
    content: dict[str, bytearray] = field(
        default_factory=lambda: {
            "stdout": bytearray(),
            "stderr": bytearray(),
            "report": bytearray(),
        }
    )
    """What came through each."""
    ended: bool = False
    """Whether its first process has ended and nothing of it is left."""
    status: int | None = None
    """Its exit status as `os.waitpid` gives it; None where it never started."""
    cpu_s: float = 0.0
    """Processor time of its first process and those that it has waited for."""

    def close(self) -> None:
        """Close what is still open."""
        while self.pipes:
            os.close(self.pipes.popitem()[0])


class Sandbox(ABC):
    """A started sandbox: a warm interpreter that runs one job after the other.

    Every run is apart from the host and from the runs before it. A sandbox serves one run at a
    time and one thread at a time; whoever wants more starts more. Close it after use.
    """

    name: str
    """The backend's name."""
    isolation: str
    """What it keeps apart, in a few words."""

    def __init__(self, limits: Limits, modules: Iterable[str]) -> None:
        """Keep the limits; a backend goes on to start and to call `_greet`.

        Args:
            limits: What one run may use.
            modules: Full names of the modules that jobs run, sent into the sandbox as source.
        """
        self.limits = limits
        self.modules = tuple(modules)
        self.python = ""
        """Version of the interpreter inside."""
        self.closed = False
        self._numbers = itertools.count(1)
        self._control: socket.socket | None = None

    @property
    def control(self) -> socket.socket:
        """The socket to the server inside. Raises SandboxLostError where there is none any more."""
        if self._control is None:
            raise SandboxLostError("a sandbox that is closed", "an open one")
        return self._control

    @property
    def alive(self) -> bool:
        """Whether an idle one can be used: all that it would say by itself is that it is gone."""
        if self._control is None:
            return False
        poll = select.poll()
        poll.register(self._control, select.POLLIN)
        return not poll.poll(0)

    @abstractmethod
    def close(self) -> None:
        """End the sandbox and all that runs in it, and remove its traces."""

    @abstractmethod
    def read_counters(self) -> Counters:
        """Return how often the kernel has stepped in so far."""

    def _greet(self, settings: Mapping[str, Json], limit_s: float, stderr: int | None) -> None:
        """Send the modules and the server's settings, and wait until it is ready."""
        modules = (*_OWN_MODULES, *self.modules)
        settings = {**settings, "preload": [*PRELOAD, *modules]}
        message = {"modules": read_sources(modules), "server": settings}
        control = self.control
        control.settimeout(limit_s)
        try:
            control.send(Path(inside.__file__).with_name("boot.py").read_bytes())
            control.send(zlib.compress(json.dumps(message).encode()))
            answer = control.recv(1 << 16)
        except OSError as error:
            answer, reason = b"", str(error)
        else:
            reason = "it ended"
        if not answer:
            said = _read_tail(stderr)
            self.close()
            raise SandboxLostError(
                f"the {self.name} sandbox did not start: {said or reason}",
                "a sandbox that works here",
                "see `gym-reason doctor`",
            )
        self.python = str(json.loads(answer)["ready"])
        control.settimeout(_ANSWER_LIMIT_S)

    def start(self, job: Job) -> Run:
        """Start a run. Raises SandboxLostError."""
        number = next(self._numbers)
        ours: dict[int, str] = {}
        theirs: list[int] = [memory_file(job.stdin)]
        try:
            for name in ("stdout", "stderr", "report"):
                reading, writing = os.pipe2(os.O_CLOEXEC)
                os.set_blocking(reading, False)
                # A run is another user, who may open /dev/stdout anew.
                os.fchmod(writing, 0o622)
                ours[reading] = name
                theirs.append(writing)
            theirs.append(memory_file(json.dumps(job.content).encode()))
            request = {"start": number, "main": job.main, "cpu_s": job.cpu_s}
            descriptors = [*theirs, job.link.fileno()] if job.link else theirs
            try:
                socket.send_fds(self.control, [json.dumps(request).encode()], descriptors)
            except OSError as error:
                raise SandboxLostError(f"a sandbox is gone: {error.strerror}") from error
        except BaseException:
            Run(number, ours).close()
            raise
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        return Run(number, ours)

    def kill(self, run: Run) -> None:
        """Kill a run and all that it has started."""
        if not run.ended:
            with contextlib.suppress(OSError):
                self.control.send(json.dumps({"kill": run.number}).encode())

    def receive(self, run: Run) -> None:
        """Read what the server has to say about `run`. Raises SandboxLostError."""
        try:
            content = self.control.recv(1 << 16)
        except ConnectionError:
            content = b""
        except OSError as error:
            raise SandboxLostError(f"a sandbox does not answer: {error}") from error
        if not content:
            raise SandboxLostError("a sandbox has died")
        answer = json.loads(content)
        if answer.get("ended") != run.number:
            return
        if "error" in answer:
            raise SandboxLostError(str(answer["error"]))
        run.ended = True
        run.status = int(answer["status"])
        run.cpu_s = float(answer["cpu_s"])


def read_sources(modules: Iterable[str]) -> dict[str, str]:
    """Return the source of each module of this library, by its full name."""
    root = Path(inside.__file__).parents[3]
    sources = {}
    for name in dict.fromkeys(modules):
        path = root.joinpath(*name.split(".")[1:])
        sources[name] = path.with_suffix(".py").read_text()
    return sources


_OWN_MODULES = tuple(
    f"{_INSIDE}.{name}" for name in ("command", "confine", "landlock", "script", "server", "sweep")
)


def server_settings(
    mode: str, limits: Mapping[str, Json], seccomp: bytes | None, uid: int | None = None
) -> dict[str, Json]:
    """Return the settings that `inside.server.main` takes."""
    return {
        "module": _SERVER,
        "mode": mode,
        "limits": limits,
        "filter": (seccomp or b"").hex(),
        "uid": uid,
        "paths": [],
        "folders": ["/tmp", "/dev/shm"],
        "readable": [],
    }


def package_folders() -> list[str]:
    """Return where the packages of this interpreter lie: programs may import them."""
    folders = [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    return [
        folder for folder in dict.fromkeys(map(os.path.realpath, folders)) if os.path.isdir(folder)
    ]


@contextlib.contextmanager
def stderr_file() -> Iterator[int]:
    """Lend a file in memory, for what a sandbox that does not start has to say."""
    descriptor = memory_file(b"")
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _read_tail(descriptor: int | None) -> str:
    if descriptor is None:
        return ""
    return " ".join(os.pread(descriptor, 4_096, 0).decode(errors="replace").split())[-300:]
