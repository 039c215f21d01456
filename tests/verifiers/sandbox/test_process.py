"""Runs without walls: the warning, the limits, and what a process forbids itself.

Everything tried here is harmless where it succeeds: there is nothing that would stop it.
"""

import contextlib
import errno
import os
import platform
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.types import Outcome
from gym_reason.verifiers.sandbox import MIB, Job, Limits, Sandbox
from gym_reason.verifiers.sandbox.inside import landlock
from gym_reason.verifiers.sandbox.process import NoIsolationWarning, ProcessSandbox
from gym_reason.verifiers.sandbox.seccomp import build_filter
from tests.verifiers.sandbox.scripts import (
    SCRIPT,
    find_cgroups,
    find_processes,
    run_and_read,
    run_script,
    wait_until_gone,
)

LIMITS = Limits(memory_bytes=96 * MIB, processes=4, output_bytes=10_000, disk_bytes=4 * MIB)

needs_landlock = pytest.mark.skipif(not landlock.version(), reason="this kernel has no Landlock")
needs_filter = pytest.mark.skipif(
    build_filter(inner=True) is None, reason=f"no system call filter for {platform.machine()}"
)


def open_box() -> Sandbox:
    with pytest.warns(NoIsolationWarning, match="sandbox=process does not isolate"):
        return ProcessSandbox(LIMITS)


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    with contextlib.closing(open_box()) as sandbox:
        yield sandbox


def require_cgroup(owner: int) -> None:
    if not find_cgroups(owner):
        pytest.skip("no writable cgroup here")


def test_the_warning_says_what_stays_open() -> None:
    with pytest.warns(NoIsolationWarning) as caught:
        ProcessSandbox(LIMITS).close()
    (warning,) = caught
    assert "the sight of other processes" in str(warning.message)
    assert ("Landlock on files" in str(warning.message)) == bool(landlock.version())


def test_honest_programs_run(box: Sandbox) -> None:
    source = "import math\nopen('own', 'w').write('x')\nprint(open('own').read(), input())"
    finished = run_script(box, source, b"line\n")
    assert (finished.limit, finished.exit_code, finished.stdout) == (None, 0, b"x line\n")
    source = "import subprocess; print(subprocess.run(['echo', 'hi'], capture_output=True).stdout)"
    assert run_and_read(box, source) == "b'hi\\n'"
    source = "import tempfile; print(tempfile.TemporaryFile().write(b'abc'))"
    assert run_and_read(box, source) == "3"


@pytest.mark.parametrize(
    ("source", "outcome"),
    [
        ("while True: pass", Outcome.TIMEOUT),
        ("import signal; signal.pause()", Outcome.TIMEOUT),
        ("import os\nwhile True: os.write(1, b'x' * 5000)", Outcome.OUTPUT_LIMIT),
    ],
)
def test_limits_are_named(box: Sandbox, source: str, outcome: Outcome) -> None:
    finished = run_script(box, source, seconds=0.5 if outcome is Outcome.TIMEOUT else 20.0)
    assert finished.limit is outcome
    assert run_and_read(box, "print('fine')") == "fine"


def test_memory_is_limited(box: Sandbox) -> None:
    finished = run_script(box, "blocks = [bytearray(1 << 20) for _ in range(300)]")
    # Without a cgroup the address space is limited, and the program is told.
    told = finished.exit_code == 1 and b"MemoryError" in finished.stderr
    assert finished.limit is Outcome.MEMORY or told


def test_processes_are_limited_where_a_cgroup_counts_them(box: Sandbox) -> None:
    require_cgroup(os.getpid())
    source = "import os, time\nfor _ in range(30):\n    if os.fork() == 0: time.sleep(99)"
    assert run_script(box, source).limit is Outcome.PIDS


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("open('big', 'wb').write(bytes(5 << 20))", "File too large"),
        ("kept = [open('/dev/null') for _ in range(200)]", "Too many open files"),
    ],
)
def test_other_limits_are_errors_in_the_program(box: Sandbox, source: str, name: str) -> None:
    finished = run_script(box, source)
    assert (finished.limit, finished.exit_code) == (None, 1)
    assert name in finished.stderr.decode()


def test_the_environment_holds_nothing_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "secret-of-the-host")
    with contextlib.closing(open_box()) as sandbox:
        assert "API_KEY" not in run_and_read(sandbox, "import os; print([*os.environ])")


@needs_landlock
def test_files_of_the_host_are_closed(box: Sandbox, tmp_path: Path) -> None:
    canary = tmp_path / "canary"
    canary.write_text("host")
    for action in ("open({!r}).read()", "open({!r}, 'w')", "import os; os.remove({!r})"):
        finished = run_script(box, action.format(str(canary)))
        assert finished.exit_code == 1
        assert b"PermissionError" in finished.stderr
    assert canary.read_text() == "host"
    assert b"PermissionError" in run_script(box, "open('/etc/passwd')").stderr


@needs_landlock
@pytest.mark.skipif(landlock.version() < 6, reason="this Landlock does not stop signals")
def test_signals_do_not_leave_the_run(box: Sandbox) -> None:
    # Signal 0 asks whether one could be sent, and sends none.
    finished = run_script(box, f"import os; os.kill({os.getpid()}, 0)")
    assert b"PermissionError" in finished.stderr
    finished = run_script(box, "import os; os.kill(os.getppid(), 0)")
    assert b"PermissionError" in finished.stderr


@needs_filter
def test_there_is_no_network(box: Sandbox) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        source = f"import socket; socket.create_connection({server.getsockname()!r})"
        finished = run_script(box, source)
        server.settimeout(0)
        with pytest.raises(BlockingIOError):
            server.accept()
    assert f"[Errno {errno.EAFNOSUPPORT}]" in finished.stderr.decode()


@needs_filter
def test_refused_calls_fail(box: Sandbox) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace(0, 0, 0, 0), libc.unshare(0)
print(ctypes.get_errno())
"""
    assert run_and_read(box, source) == str(errno.EPERM)


def test_one_run_leaves_nothing_to_the_next(box: Sandbox) -> None:
    before = find_processes(os.getpid())
    source = """
import os, time
os.makedirs('deep/er')
open('deep/er/file', 'w').close()
os.symlink('/usr', 'link')
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0: time.sleep(999)
    os._exit(0)
os.wait()
"""
    assert run_script(box, source).exit_code == 0
    assert run_and_read(box, "import os; print(os.listdir('.'))") == "['program.py']"
    assert find_processes(os.getpid()) <= before
    assert os.path.isdir("/usr/bin")


def test_close_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    owner = os.getpid()
    before, cgroups = find_processes(owner), set(find_cgroups(owner))
    descriptors = set(os.listdir("/proc/self/fd"))
    sandbox = open_box()
    sandbox.start(Job(SCRIPT, {"source": "import time; time.sleep(99)"})).close()
    sandbox.close()
    sandbox.close()
    assert find_processes(owner) == before
    assert set(find_cgroups(owner)) == cgroups
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert list(tmp_path.iterdir()) == []


OWNER = """
import os, select, time, warnings
warnings.simplefilter("ignore")
from gym_reason.verifiers.sandbox import Job, Limits
from gym_reason.verifiers.sandbox.process import ProcessSandbox
box = ProcessSandbox(Limits())
source = "import os, time\\nif os.fork() == 0: os.setsid()\\nos.write(1, b'+')\\ntime.sleep(999)"
run = box.start(Job("gym_reason.verifiers.sandbox.inside.script:run", {"source": source}))
reading = next(pipe for pipe, name in run.pipes.items() if name == "stdout")
while select.select([reading], [], []) and os.read(reading, 1) != b"+": pass
print("started", flush=True)
time.sleep(999)
"""


def test_nothing_outlives_a_killed_owner(tmp_path: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        processes = find_processes(owner.pid)
        assert len(processes) >= 3
        owner.kill()
        owner.wait(20)
    wait_until_gone(owner.pid, processes)
