"""Processes that die with their parent, and the thread that starts them."""

import subprocess
import sys
import threading

import pytest

from gym_reason.verifiers import processes
from gym_reason.verifiers.processes import run_in_starter

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel")

CHILD = """
import os, runpy, sys
runpy.run_path(sys.argv[2])["die_with_parent"](int(sys.argv[1]) or os.getppid())
print("alive", flush=True)
sys.stdin.read()
"""


def start(parent: int) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(parent), processes.__file__],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def start_in_thread(by_starter: bool) -> "subprocess.Popen[str]":
    """Start a child and wait for its word in a thread that is over on return."""
    started: list[subprocess.Popen[str]] = []

    def work() -> None:
        child = run_in_starter(start, 0) if by_starter else start(0)
        assert child.stdout is not None
        child.stdout.readline()
        started.append(child)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return started[0]


def test_a_child_dies_with_the_thread_that_started_it() -> None:
    with start_in_thread(by_starter=False) as child:
        assert child.wait(10) == -9


def test_a_child_of_the_starter_outlives_the_thread_that_asked_for_it() -> None:
    with start_in_thread(by_starter=True) as child:
        child.communicate("", timeout=10)
        assert child.returncode == 0


def test_a_process_whose_parent_is_gone_ends_at_once() -> None:
    with start(parent=2**30) as child:
        assert child.communicate("", timeout=10)[0] == ""
        assert child.returncode == 1


FORK = """
import os
from gym_reason.verifiers.processes import run_in_starter
assert run_in_starter(os.getpid) == os.getpid()
pid = os.fork()
if pid == 0:
    os._exit(0 if run_in_starter(os.getpid) == os.getpid() else 1)
assert os.waitpid(pid, 0)[1] == 0
"""


def test_a_fork_has_a_starter_of_its_own() -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_call_raises_reaches_who_asked() -> None:
    with pytest.raises(FileNotFoundError):
        run_in_starter(subprocess.run, ["/nowhere/program"], check=False)
