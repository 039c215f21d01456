"""The default sandbox from its start to its end, its own and its owner's."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pytest

from gym_reason.errors import RunError
from gym_reason.verifiers.sandbox import MIB, Job, Limits, Sandbox, SandboxLostError, run_job
from gym_reason.verifiers.sandbox.bubblewrap import BubblewrapSandbox
from tests.verifiers.sandbox.scripts import (
    SCRIPT,
    find_cgroups,
    find_processes,
    read_mounts,
    run_and_read,
    run_script,
    wait_until_gone,
)

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")

LIMITS = Limits(memory_bytes=96 * MIB)


def test_close_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    owner, before = os.getpid(), read_mounts()
    processes, descriptors = find_processes(owner), set(os.listdir("/proc/self/fd"))
    cgroups = set(find_cgroups(owner))
    sandbox = BubblewrapSandbox(LIMITS)
    run_and_read(sandbox, "print(1)")
    sandbox.start(Job(SCRIPT, {"source": "import time; time.sleep(99)"})).close()
    assert find_processes(owner) > processes
    sandbox.close()
    sandbox.close()
    assert find_processes(owner) == processes
    assert set(find_cgroups(owner)) == cgroups
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert read_mounts() == before
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(SandboxLostError, match="closed"):
        run_script(sandbox, "")


OWNER = """
import os, select, time
from gym_reason.verifiers.sandbox import Job, Limits
from gym_reason.verifiers.sandbox.bubblewrap import BubblewrapSandbox
box = BubblewrapSandbox(Limits())
source = "import os, time\\nif os.fork() == 0: os.setsid()\\nos.write(1, b'+')\\ntime.sleep(999)"
run = box.start(Job("gym_reason.verifiers.sandbox.inside.script:run", {"source": source}))
reading = next(pipe for pipe, name in run.pipes.items() if name == "stdout")
while select.select([reading], [], []) and os.read(reading, 1) != b"+": pass
print("started", flush=True)
time.sleep(999)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_outlives_the_owner(number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        processes = find_processes(owner.pid)
        assert len(processes) >= 4
        owner.send_signal(number)
        owner.wait(20)
    wait_until_gone(owner.pid, processes)
    # What only its owner could remove goes when the next sandbox starts.
    BubblewrapSandbox(LIMITS).close()
    assert find_cgroups(owner.pid) == []


def test_a_killed_sandbox_is_lost_and_says_so() -> None:
    sandbox = BubblewrapSandbox(LIMITS)
    try:
        run = sandbox.start(Job(SCRIPT, {"source": "import time; time.sleep(99)"}))
        assert sandbox._walled.process is not None
        sandbox._walled.process.kill()
        sandbox._walled.process.wait(20)
        with pytest.raises(SandboxLostError, match="died"):
            sandbox.receive(run)
        with pytest.raises(SandboxLostError):
            run_script(sandbox, "print(1)")
        run.close()
    finally:
        sandbox.close()


def test_threads_use_sandboxes_of_their_own_at_once() -> None:
    results: dict[int, str] = {}

    def work(number: int) -> None:
        sandbox = BubblewrapSandbox(LIMITS)
        try:
            for _ in range(5):
                results[number] = run_and_read(sandbox, f"print({number} * 2)")
        finally:
            sandbox.close()

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {number: str(2 * number) for number in range(4)}


def test_a_sandbox_outlives_the_thread_that_started_it() -> None:
    made: list[Sandbox] = []
    thread = threading.Thread(target=lambda: made.append(BubblewrapSandbox(LIMITS)))
    thread.start()
    thread.join()
    time.sleep(0.05)
    try:
        assert run_and_read(made[0], "print('still here')") == "still here"
    finally:
        made[0].close()


def test_a_job_that_cannot_be_found_is_our_failure() -> None:
    box = BubblewrapSandbox(LIMITS)
    with contextlib.closing(box), pytest.raises(SandboxLostError, match="could not confine a run"):
        run_job(box, Job("no.such.module:run", {}), time.monotonic() + 20)


def test_without_bubblewrap_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(
        RunError, match=r"bwrap\) is not installed.*scripts/install-system-deps"
    ) as caught:
        BubblewrapSandbox(LIMITS)
    assert "\n" not in str(caught.value)


def test_a_bubblewrap_that_does_not_work_says_why(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken = tmp_path / "bwrap"
    broken.write_text("#!/bin/sh\necho no user namespaces here >&2\nexit 1\n")
    broken.chmod(0o755)
    tmp_path.chmod(0o755)
    # One more of them is ours where several workers run.
    for folder in tmp_path.parents[:3]:
        if folder.stat().st_uid == os.geteuid():
            folder.chmod(folder.stat().st_mode | 0o011)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    with pytest.raises(SandboxLostError, match="bubblewrap sandbox did not start"):
        BubblewrapSandbox(LIMITS)
