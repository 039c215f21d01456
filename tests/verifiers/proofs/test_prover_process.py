"""Programs in a prover's sandbox: what they say, what they may use, and what is left of them."""

import contextlib
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from gym_reason.errors import RunError
from gym_reason.verifiers.proofs.interactive import process as module
from gym_reason.verifiers.proofs.interactive.process import OutputLimitError, ProverProcess
from gym_reason.verifiers.sandbox import MIB, SandboxLostError
from tests.verifiers.sandbox.scripts import (
    find_cgroups,
    find_processes,
    read_mounts,
    wait_until_gone,
)

pytestmark = pytest.mark.usefixtures("needs_bubblewrap")


@contextlib.contextmanager
def shell(script: str, memory_mb: int = 64, processes: int = 64) -> Iterator[ProverProcess]:
    """Run a shell script in a prover's sandbox."""
    argv = ["/bin/sh", "-c", script]
    process = ProverProcess(
        argv, memory_bytes=memory_mb * MIB, files={"given": b"its content\n"}, processes=processes
    )
    try:
        yield process
    finally:
        process.close()


def read(script: str, processes: int = 64) -> str:
    """Return what a script says."""
    with shell(script, processes=processes) as process:
        return process.read_to_end(20)[0].decode()


def test_questions_and_answers() -> None:
    with shell('while read -r line; do echo "<$line>"; done') as process:
        process.send(b"one\ntwo\n")
        assert process.read_until(b">", 20) == b"<one>"
        assert process.read_until(b">\n", 20) == b"\n<two>\n"
        assert process.alive
        process.end_input()
        assert process.read_to_end(20) == (b"", 0)
        assert not process.alive


def test_an_end_is_told_with_what_was_said_last() -> None:
    with shell("echo that was all; exit 3") as process:
        with pytest.raises(SandboxLostError, match="that was all"):
            process.read_until(b"more", 20)
        with pytest.raises(SandboxLostError):
            process.send(b"hello" * 100_000)
    with pytest.raises(SandboxLostError, match="closed"):
        process.send(b"x")


def test_a_deadline_holds_and_what_came_stays() -> None:
    with shell("echo early; exec sleep 99") as process:
        with pytest.raises(TimeoutError):
            process.read_until(b"late", 0.3)
        assert process.read_until(b"early\n", 20) == b"early\n"
        with pytest.raises(TimeoutError):
            process.read_to_end(0.1)


def test_a_deadline_holds_while_it_goes_on_saying_things() -> None:
    with shell("while :; do echo x; sleep 0.01; done") as process, pytest.raises(TimeoutError):
        process.read_until(b"y", 0.3)


def test_too_much_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_OUTPUT_BYTES", 100_000)
    with shell("exec cat /dev/zero") as process:
        with pytest.raises(OutputLimitError):
            process.read_until(b"x", 20)
        assert len(process._buffer) < 200_000
    with shell("exec cat /dev/zero") as process, pytest.raises(OutputLimitError):
        process.read_to_end(20)


def test_an_interrupt_reaches_it() -> None:
    with shell('trap "echo stopped" INT; echo ready; while :; do sleep 0.01; done') as process:
        process.read_until(b"ready", 20)
        process.interrupt()
        assert b"stopped" in process.read_until(b"stopped", 20)


def test_it_sees_the_system_and_nothing_else() -> None:
    said = read("cat given; ls /; ls /home /root /work; cat /etc/passwd; ls -A /tmp; id -u")
    assert said.startswith("its content\n")
    assert "No such file" in said
    assert said.endswith("given\n1000\n")
    assert "usr" in said
    assert "work\n" not in said


def test_it_changes_nothing() -> None:
    said = read(
        "echo x >given; echo x >/usr/x; echo x >/x; echo x >/dev/x; echo y >own; cat given own"
    )
    assert said.count("cannot create") == 4
    assert said.endswith("its content\ny\n")


def test_it_has_no_network_and_no_rights() -> None:
    said = read("cat /proc/net/dev /proc/self/status; unshare -r true && echo unshared")
    assert "eth0" not in said
    assert "CapEff:\t0000000000000000" in said
    assert "Seccomp:\t2" in said
    assert "unshared" not in said


def test_its_memory_is_limited() -> None:
    with shell("exec tail /dev/zero", memory_mb=48) as process:
        status = process.read_to_end(60)[1]
        assert status != 0
        counters = process.read_counters()
    assert counters.killed_for_memory or status == 1


def test_its_disk_is_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DISK_BYTES", 4 * MIB)
    assert "No space" in read("for i in 1 2 3; do head -c 3000000 /dev/zero >$i; done; :")


def test_its_processes_are_limited() -> None:
    said = read("for i in 1 2 3 4 5 6 7 8 9 10; do sleep 99 & done; echo all", processes=6)
    assert "all" not in said


def test_close_leaves_nothing() -> None:
    owner, before = os.getpid(), read_mounts()
    processes, descriptors = find_processes(owner), set(os.listdir("/proc/self/fd"))
    cgroups = set(find_cgroups(owner))
    with shell("sleep 99 & setsid sleep 99 & echo ready; wait") as process:
        process.read_until(b"ready", 20)
        assert find_processes(owner) > processes
    process.close()
    assert find_processes(owner) == processes
    assert set(find_cgroups(owner)) == cgroups
    assert set(os.listdir("/proc/self/fd")) == descriptors
    assert read_mounts() == before


def test_one_that_is_forgotten_ends() -> None:
    before = find_processes(os.getpid())
    process = ProverProcess(["/bin/sleep", "99"], memory_bytes=64 * MIB)
    assert find_processes(os.getpid()) > before
    del process
    gc.collect()
    assert find_processes(os.getpid()) == before


OWNER = """
import sys, time
from gym_reason.verifiers.proofs.interactive.process import ProverProcess
process = ProverProcess(["/bin/sh", "-c", "setsid sleep 999 & echo +; wait"], memory_bytes=1 << 26)
process.read_until(b"+", 20)
print("started", flush=True)
if sys.argv[1] == "wait": time.sleep(999)
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, None])
def test_nothing_outlives_the_owner(number: signal.Signals | None) -> None:
    argument = "end" if number is None else "wait"
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, argument], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    with owner:
        assert owner.stdout is not None
        assert owner.stdout.readline() == b"started\n"
        processes = set() if number is None else find_processes(owner.pid)
        if number is not None:
            assert len(processes) >= 3
            owner.send_signal(number)
        owner.wait(20)
    wait_until_gone(owner.pid, processes)
    # What only its owner could remove goes when the next one starts.
    ProverProcess(["/bin/true"], memory_bytes=64 * MIB).close()
    assert find_cgroups(owner.pid) == []


def test_it_outlives_the_thread_that_started_it() -> None:
    made: list[ProverProcess] = []
    argv = ["/bin/sh", "-c", "read -r x; echo still here"]
    thread = threading.Thread(
        target=lambda: made.append(ProverProcess(argv, memory_bytes=64 * MIB))
    )
    thread.start()
    thread.join()
    made[0].send(b"x\n")
    assert made[0].read_to_end(20)[0] == b"still here\n"
    made[0].close()


def test_a_forked_child_leaves_it_alone() -> None:
    with shell("read -r x; echo still here") as process:
        child = os.fork()
        if child == 0:
            process.close()
            os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        process.send(b"x\n")
        assert process.read_to_end(20)[0] == b"still here\n"


def test_without_bubblewrap_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunError, match=r"bwrap.*a sandbox for provers.*install-system-deps"):
        ProverProcess(["/bin/true"], memory_bytes=64 * MIB)
