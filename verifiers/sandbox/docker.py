"""The sandbox by Docker: one long-lived container, a warm interpreter in it, no network.

The container is the outer wall. Within it each run is a user without any right, and when it has
ended all processes but the server's are killed and the disks emptied. A bridge carries what the
host and the server say, since a container takes no descriptors; so the engine may be remote, and
its runtime gVisor.

The engine is found as Docker's own SDK finds it: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH.
GYM_REASON_DOCKER_IMAGE and GYM_REASON_DOCKER_RUNTIME name an image and a runtime.
"""

import contextlib
import functools
import json
import os
import random
import socket
import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from gym_reason.errors import RunError
from gym_reason.types import Json
from gym_reason.verifiers.sandbox import inside
from gym_reason.verifiers.sandbox.base import Sandbox, SandboxLostError, server_settings
from gym_reason.verifiers.sandbox.bridge import Bridge
from gym_reason.verifiers.sandbox.cgroups import Counters
from gym_reason.verifiers.sandbox.limits import MIB, Limits
from gym_reason.verifiers.sandbox.seccomp import build_filter, build_profile

if TYPE_CHECKING:
    from docker import APIClient

DEFAULT_IMAGE = "gym-reason-sandbox"
"""The image where none is named."""
LABEL = "org.gym-reason.sandbox"
"""The label of our containers; its value says which process they belong to."""
_IMAGE_FOLDER = Path(__file__).with_name("image")
_ENGINE_LIMIT_S = 30
_START_LIMIT_S = 30.0
_SERVER_BYTES = 64 * MIB
"""Room for the bridge and the server in the container's memory limit."""
_SERVER_PROCESSES = 8
_INSIDE = "gym_reason.verifiers.sandbox.inside"
_FIRST_LINES = """
import json, sys, types
for name, source in json.loads(sys.argv[1]).items():
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(source, "<" + name + ">", "exec"), module.__dict__)
module.main()
"""


class DockerSandbox(Sandbox):
    """A sandbox in a container of a Docker engine."""

    name = "docker"

    def __init__(
        self, limits: Limits, modules: Iterable[str] = (), image: str = "", runtime: str = ""
    ) -> None:
        """Start one.

        Args:
            limits: What one run may use.
            modules: Full names of the modules that jobs run.
            image: An image with Python 3.11 or later; GYM_REASON_DOCKER_IMAGE by default, or
                `gym-reason-sandbox`.
            runtime: A runtime that the engine knows, as `runsc`; GYM_REASON_DOCKER_RUNTIME by
                default, or the engine's own choice.

        Raises:
            RunError: Where there is no SDK, no engine, no such image or no such runtime.
            SandboxLostError: Where the container does not come up.
        """
        super().__init__(limits, modules)
        self.image = image or os.environ.get("GYM_REASON_DOCKER_IMAGE") or DEFAULT_IMAGE
        self.runtime = runtime or os.environ.get("GYM_REASON_DOCKER_RUNTIME") or ""
        self._bridge: Bridge | None = None
        self._container = ""
        self._owner = os.getpid()
        # Below 65536, so that an engine with a user namespace has it; rarely one of another's.
        self._uid = random.SystemRandom().randrange(20_000, 60_000)
        self._engine = connect()
        try:
            with self._explain():
                _remove_leftovers_once(self._engine.base_url)
                self._container = self._create()
                stream = _attach(self._engine, self._container)
                self._bridge = Bridge(stream)
                self._control = self._bridge.control
                self._engine.start(self._container)
            self._meet(self._bridge)
        except BaseException:
            self.close()
            raise

    def _meet(self, bridge: Bridge) -> None:
        """Wait for the bridge's other end, and start the server behind it."""
        greeting = bridge.wait_for_greeting(_START_LIMIT_S)
        if greeting is None:
            raise SandboxLostError(
                f"a container of {self.image} did not come up: {bridge.said or 'it says nothing'}",
                "an image with Python 3.11 or later",
                self._say_how_to_build(),
            )
        limits = self.limits
        inner = limits.of_each_run()
        seccomp = build_filter(greeting.machine, inner=True, own_ipc=False)
        missing = []
        if not greeting.counts:
            inner |= {"address_bytes": limits.memory_bytes, "processes": limits.processes}
            missing.append("no counts of the kernel's")
        if seccomp is None:
            missing.append("the engine's system call filter alone")
        self.isolation = f"container ({self.runtime or 'default runtime'}), seccomp, cgroups" + (
            f" ({'; '.join(missing)})" if missing else ""
        )
        self._greet(server_settings("user", inner, seccomp, self._uid), _START_LIMIT_S, None)

    def _create(self) -> str:
        """Create the container, and return its id."""
        limits, engine = self.limits, self._engine
        memory = limits.memory_bytes + _SERVER_BYTES
        disk = f"rw,exec,nosuid,nodev,size={limits.disk_bytes},nr_inodes={limits.files},mode=1777"
        host = engine.create_host_config(
            auto_remove=True,
            network_mode="none",
            read_only=True,
            cap_drop=["ALL"],
            # For the server alone: to make a run another user, and to kill it.
            cap_add=["SETUID", "SETGID", "KILL"],
            security_opt=["no-new-privileges", f"seccomp={json.dumps(build_profile())}"],
            mem_limit=memory,
            memswap_limit=memory,
            pids_limit=limits.processes + _SERVER_PROCESSES,
            # Message queues would outlive a run: nothing is to be there but an empty folder.
            tmpfs={"/tmp": disk, "/dev/shm": disk, "/dev/mqueue": "ro,size=4k,mode=555"},
            log_config={"Type": "none", "Config": {}},
            runtime=self.runtime or None,
        )
        created = engine.create_container(
            self.image,
            entrypoint=["python3", "-s", "-P", "-B", "-c", _FIRST_LINES, _read_bridge()],
            command=[],
            user="0:0",
            working_dir="/",
            hostname="sandbox",
            environment={"PYTHONHASHSEED": "0", "LANG": "C.UTF-8"},
            labels={LABEL: json.dumps(_describe_owner(os.getpid()))},
            # It ends with our connection, however that ends.
            stdin_open=True,
            detach=False,
            host_config=host,
        )
        return str(created["Id"])

    @contextlib.contextmanager
    def _explain(self) -> Iterator[None]:
        """Say in one line what the engine has refused."""
        from docker.errors import DockerException, ImageNotFound
        from requests.exceptions import RequestException

        try:
            yield
        except ImageNotFound:
            raise RunError(
                f"the Docker engine has no image {self.image}", "one", self._say_how_to_build()
            ) from None
        except (DockerException, RequestException) as error:
            said = getattr(error, "explanation", None) or error
            raise RunError(
                f"the Docker engine starts no container of {self.image}: {said}",
                "one",
                "see `gym-reason doctor`",
            ) from None

    def _say_how_to_build(self) -> str:
        return (
            f"build one: docker build -t {DEFAULT_IMAGE} {_IMAGE_FOLDER}, or name another in "
            "GYM_REASON_DOCKER_IMAGE"
        )

    def read_counters(self) -> Counters:
        """Return the counts of the container's cgroup, as of the last run that ended."""
        return Counters(0, 0) if self._bridge is None else self._bridge.counters

    def close(self) -> None:
        """Kill and remove the container."""
        self.closed = True
        bridge, self._bridge = self._bridge, None
        self._control = None
        if os.getpid() != self._owner:
            return
        if bridge is not None:
            bridge.control.close()
        container, self._container = self._container, ""
        if container:
            _remove(self._engine, container)
        if bridge is not None:
            bridge.join(1.0)
        self._engine.close()


def connect() -> "APIClient":
    """Return a client of the engine that the environment names.

    Raises:
        RunError: Where the SDK is missing, or no engine answers.
    """
    try:
        from docker import APIClient
        from docker.errors import DockerException
        from docker.utils import kwargs_from_env
        from requests.exceptions import RequestException
    except ImportError:
        raise RunError(
            "the Python package docker is not installed",
            "Docker's SDK",
            "pip install 'gym-reason[docker]'",
        ) from None
    place = os.environ.get("DOCKER_HOST") or "unix:///var/run/docker.sock"
    try:
        if place.startswith("unix://"):
            # First, since the SDK leaves a socket that it cannot connect to be collected.
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_ENGINE_LIMIT_S)
                probe.connect(place.removeprefix("unix://"))
        return APIClient(version="auto", timeout=_ENGINE_LIMIT_S, **kwargs_from_env())
    except (DockerException, RequestException, OSError, ValueError) as error:
        raise RunError(
            f"no Docker engine answers at {place}: {_find_cause(error)}",
            "a running engine",
            "start it, or name another in DOCKER_HOST",
        ) from None


def remove_leftovers(engine: "APIClient") -> None:
    """Remove the containers of processes of this machine that are gone."""
    own = _describe_owner(os.getpid())
    for container in engine.containers(all=True, filters={"label": LABEL}):
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            owner = json.loads(container["Labels"][LABEL])
            near = (owner["boot"], owner["namespace"]) == (own["boot"], own["namespace"])
            if near and _describe_owner(int(owner["process"])) != owner:
                _remove(engine, container["Id"])


@functools.cache
def _remove_leftovers_once(place: str) -> None:
    """Remove what is left, once in a process for each engine."""
    with contextlib.closing(connect()) as engine:
        remove_leftovers(engine)


def _describe_owner(process: int) -> dict[str, Json]:
    """Return what tells a living process from every other, also from a later one with its id."""
    try:
        started = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        started = ""
    return {
        "boot": Path("/proc/sys/kernel/random/boot_id").read_text().strip(),
        "namespace": os.readlink("/proc/self/ns/pid"),
        "process": process,
        "started": started,
    }


def _remove(engine: "APIClient", container: str) -> None:
    """Kill and remove a container, which may be gone or going already."""
    from docker.errors import DockerException
    from requests.exceptions import RequestException

    with contextlib.suppress(DockerException, RequestException):
        engine.remove_container(container, force=True, v=True)


def _attach(engine: "APIClient", container: str) -> socket.socket:
    """Return the connection to the container's standard streams."""
    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
    attached = engine.attach_socket(container, params=wanted)
    stream = getattr(attached, "_sock", attached)
    if not isinstance(stream, socket.socket):
        raise RunError(
            f"an engine at {engine.base_url}", "one behind unix:// or tcp://", "see DOCKER_HOST"
        )
    if isinstance(stream, ssl.SSLSocket):
        return stream
    # The client's own objects around it would keep it open.
    return socket.socket(fileno=stream.detach())


@functools.cache
def _read_bridge() -> str:
    """Return the modules that the first process inside runs, the last of them its program."""
    folder = Path(inside.__file__).parent
    names = ("streams", "bridge")
    return json.dumps({f"{_INSIDE}.{name}": (folder / f"{name}.py").read_text() for name in names})


def _find_cause(error: BaseException) -> str:
    """Return the innermost reason, which says what the layers around it repeat at length."""
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
    return str(error.strerror or error) if isinstance(error, OSError) else str(error)
