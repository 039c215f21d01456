"""Checks of what works here: packages, sandboxes, engines, provers, the browser."""

import importlib.metadata
import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gym_reason.errors import GymReasonError, RunError
from gym_reason.verifiers.sandbox import try_backend

_FALLBACK_REQUIREMENTS = (
    "gymnasium",
    "numpy",
    "torch",
    "transformers",
    "tokenizers",
    "safetensors",
    "rich",
    "zstandard",
    "pyarrow",
)
_PROBE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Component:
    """One thing that is there or not."""

    group: str
    """What it belongs to: `core`, `sandboxes`, `engines`, `cluster`, `provers`, `screens`."""
    name: str
    """What it is called."""
    ok: bool
    """Whether it is there and works."""
    detail: str = ""
    """Its version, or what is wrong."""
    remedy: str = ""
    """How to get it; empty where it works."""
    required: bool = False
    """Whether the library is broken without it."""


def check_components() -> list[Component]:
    """Return every check, the required ones first."""
    checks: Sequence[Callable[[], Component]] = (
        _check_torch,
        _check_environments,
        _check_bubblewrap,
        _check_docker,
        _check_ptrace,
        _check_local_engine,
        _check_vllm,
        lambda: _check_package("cluster", "ray", "ray"),
        lambda: _check_program("provers", "coqc", "scripts/install-system-deps --only coq"),
        _check_lean,
        lambda: _check_package("provers", "z3-solver", "proofs"),
        _check_chromium,
        lambda: _check_package("screens", "pillow", "mobile"),
        lambda: _check_package("screens", "adbutils", "adb"),
    )
    return [*_check_core_packages(), *(check() for check in checks)]


def requirements() -> list[tuple[str, str]]:
    """Return name and lowest version of each package that the library cannot do without."""
    try:
        lines = importlib.metadata.requires("gym-reason") or list(_FALLBACK_REQUIREMENTS)
    except importlib.metadata.PackageNotFoundError:
        lines = list(_FALLBACK_REQUIREMENTS)
    found: list[tuple[str, str]] = []
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)\s*(?:>=\s*([0-9.]+))?", line)
        if match and "extra ==" not in line:
            found.append((match[1], match[2] or "0"))
    return found


def is_older(version: str, lowest: str) -> bool:
    """Return whether `version` comes before `lowest`, by the numbers they begin with."""
    return _numbers(version) < _numbers(lowest)


def _numbers(version: str) -> list[int]:
    match = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in match[0].split(".")] if match else [0]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return numbers


def _check_core_packages() -> list[Component]:
    found: list[Component] = []
    for name, lowest in requirements():
        remedy = f'pip install "{name}>={lowest}"' if lowest != "0" else f"pip install {name}"
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found.append(Component("core", name, False, "absent", remedy, required=True))
            continue
        ok = not is_older(version, lowest)
        detail = version if ok else f"{version}, older than {lowest}"
        found.append(Component("core", name, ok, detail, "" if ok else remedy, required=True))
    return found


def _check_torch() -> Component:
    from gym_reason.agents.engines.inspection import inspect_torch

    remedy = "pip install --force-reinstall torch"
    try:
        facts = inspect_torch()
    except (ImportError, OSError, RuntimeError) as error:
        detail = " ".join(str(error).split())[:200]
        return Component("core", "torch runs", False, detail, remedy, required=True)
    devices = facts["devices"]
    gpus = ", ".join(devices) if isinstance(devices, list) and devices else "no GPU"
    detail = f"{facts['threads']} threads, {facts['cpu']}, {gpus}"
    if not facts["works"]:
        return Component("core", "torch runs", False, "wrong products", remedy, required=True)
    return Component("core", "torch runs", True, detail, required=True)


def _check_environments() -> Component:
    from gym_reason.registry import environments

    try:
        count = len(list(environments))
    except Exception as error:  # a plugin of someone else's may raise anything when imported
        detail = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        remedy = "repair or uninstall the plugin that the message names"
        return Component("core", "environments", False, detail, remedy, required=True)
    remedy = "" if count else "reinstall gym-reason"
    return Component(
        "core", "environments", count > 0, f"{count} registered", remedy, required=True
    )


def _check_bubblewrap() -> Component:
    program = shutil.which("bwrap")
    if program is None:
        remedy = "scripts/install-system-deps --only bubblewrap"
        return Component("sandboxes", "bubblewrap", False, "absent", remedy)
    remedy = "allow user namespaces (sysctl kernel.unprivileged_userns_clone=1), or use docker"
    return _try_sandbox("bubblewrap", _probe([program, "--version"])[1], remedy)


def _try_sandbox(name: str, version: str, remedy: str) -> Component:
    try:
        isolation = try_backend(name)
    except GymReasonError as error:
        return Component("sandboxes", name, False, f"{version}: {error}", remedy)
    return Component("sandboxes", name, True, f"{version}, a trial run worked: {isolation}")


def _check_docker() -> Component:
    program = shutil.which("docker")
    if program is None:
        remedy = "install the docker engine and pip install 'gym-reason[docker]'"
        return Component("sandboxes", "docker", False, "no client", remedy)
    code, output = _probe([program, "version", "--format", "{{.Server.Version}}"])
    if code != 0:
        remedy = "start the docker engine, or join its group"
        return Component("sandboxes", "docker", False, "client only, no engine answers", remedy)
    if importlib.util.find_spec("docker") is None:
        remedy = "pip install 'gym-reason[docker]'"
        return Component("sandboxes", "docker", False, f"engine {output}, no Python client", remedy)
    remedy = "docker build -t gym-reason-sandbox - < verifiers/sandbox/Dockerfile"
    return _try_sandbox("docker", f"engine {output}", remedy)


def _check_ptrace() -> Component:
    # In a process of its own: PTRACE_TRACEME (request 0) cannot be taken back.
    code = "import ctypes, sys; sys.exit(ctypes.CDLL(None).ptrace(0, 0, None, None) != 0)"
    status, _ = _probe([sys.executable, "-c", code])
    if status == 0:
        return Component("sandboxes", "ptrace", True, "allowed")
    remedy = "in a container: add the capability SYS_PTRACE, or a seccomp profile that allows it"
    return Component("sandboxes", "ptrace", False, "refused by the system", remedy)


def _check_local_engine() -> Component:
    missing = [
        name
        for name in ("torch", "transformers", "tokenizers", "safetensors")
        if importlib.util.find_spec(name) is None
    ]
    if missing:
        remedy = f"pip install {' '.join(missing)}"
        return Component("engines", "local", False, f"without {', '.join(missing)}", remedy)
    return Component("engines", "local", True, "torch and transformers")


def _check_vllm() -> Component:
    from gym_reason.agents.engines.inspection import VLLM_REMEDY, inspect_vllm, require_vllm

    facts: Mapping[str, object] = inspect_vllm()
    if not facts:
        return Component("engines", "vllm", False, "absent", VLLM_REMEDY)
    try:
        require_vllm()
    except GymReasonError as error:
        return Component("engines", "vllm", False, str(error).rpartition("; ")[0], VLLM_REMEDY)
    return Component("engines", "vllm", True, f"{facts['version']} ({facts['package']})")


def _check_lean() -> Component:
    from gym_reason.verifiers.proofs.lean.toolchain import REMEDY, find_toolchain

    try:
        found = find_toolchain()
    except RunError as error:
        return Component("provers", "lean", False, str(error).partition("; ")[0], REMEDY)
    return Component("provers", "lean", True, f"{found.sysroot}, REPL {found.program}")


def _check_chromium() -> Component:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if shutil.which(name):
            return _check_program("screens", name, "")
    remedy = "scripts/install-system-deps --only chromium"
    return Component("screens", "chromium", False, "absent", remedy)


def _check_program(group: str, name: str, remedy: str) -> Component:
    program = shutil.which(name)
    if program is None:
        return Component(group, name, False, "absent", remedy)
    code, output = _probe([program, "--version"])
    if code != 0:
        return Component(group, name, False, f"does not run: {output}", f"reinstall {name}")
    return Component(group, name, True, output)


def _check_package(group: str, name: str, extra: str) -> Component:
    try:
        return Component(group, name, True, importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        remedy = f"pip install 'gym-reason[{extra}]'"
        return Component(group, name, False, "absent", remedy)


def _probe(command: Sequence[str]) -> tuple[int, str]:
    """Run a command and return its exit status and first line of output; -1 where it cannot run."""
    try:
        result = subprocess.run(
            command,
            capture_output=True,
            stdin=subprocess.DEVNULL,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return -1, f"no answer within {_PROBE_TIMEOUT_S:g} s"
    except OSError as error:
        return -1, error.strerror or str(error)
    for stream in (result.stdout, result.stderr):
        lines = stream.decode("utf-8", "replace").strip().splitlines()
        if lines:
            return result.returncode, lines[0][:200]
    return result.returncode, ""
