"""Sandboxes that are kept warm, and the choice of a backend."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from gym_reason.errors import RunError, UnknownNameError
from gym_reason.verifiers.sandbox import (
    MIB,
    BoxSpec,
    Limits,
    Sandbox,
    borrow,
    boxes,
    choose_backend,
)
from gym_reason.verifiers.sandbox.boxes import close_all, try_backend
from tests.verifiers.sandbox.scripts import find_processes, run_and_read

SPEC = BoxSpec("bubblewrap", Limits(memory_bytes=64 * MIB), ())

needs_bubblewrap = pytest.mark.usefixtures("needs_bubblewrap", "_closed")


@pytest.fixture
def _closed() -> Iterator[None]:
    close_all()
    yield
    close_all()


@needs_bubblewrap
def test_a_sandbox_is_lent_again() -> None:
    with borrow(SPEC) as first:
        assert run_and_read(first, "print(1)") == "1"
    with borrow(SPEC) as second:
        assert second is first
        with borrow(SPEC) as third:
            assert third is not first


@needs_bubblewrap
def test_other_limits_are_another_sandbox() -> None:
    with borrow(SPEC) as first:
        pass
    with borrow(BoxSpec("bubblewrap", Limits(memory_bytes=65 * MIB), ())) as second:
        assert second is not first


@needs_bubblewrap
def test_an_exception_closes_what_was_lent() -> None:
    with pytest.raises(KeyboardInterrupt), borrow(SPEC) as first:
        raise KeyboardInterrupt
    assert first.closed
    with borrow(SPEC) as second:
        assert second is not first


@needs_bubblewrap
def test_one_that_died_while_idle_is_not_lent() -> None:
    before = find_processes(os.getpid())
    with borrow(SPEC) as first, borrow(SPEC) as second:
        doomed = (first, second)
    for process in find_processes(os.getpid()) - before:
        with contextlib.suppress(ProcessLookupError):  # The first death ends the others.
            os.kill(process, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while any(one.alive for one in doomed):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    with borrow(SPEC) as third, borrow(SPEC) as fourth:
        assert {third, fourth}.isdisjoint(doomed)
        assert run_and_read(third, "print(3)") == "3"
        assert run_and_read(fourth, "print(4)") == "4"
    assert all(one.closed for one in doomed)


@needs_bubblewrap
def test_no_more_than_a_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boxes, "_MOST_IDLE", 3)

    def nest(depth: int) -> None:
        with borrow(SPEC) as sandbox:
            lent.append(sandbox)
            if depth > 1:
                nest(depth - 1)

    lent: list[Sandbox] = []
    nest(5)
    assert sum(not sandbox.closed for sandbox in lent) == 3
    close_all()
    assert all(sandbox.closed for sandbox in lent)


@needs_bubblewrap
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of a fork beside threads.
def test_a_fork_starts_its_own_and_leaves_its_parents_alone() -> None:
    with borrow(SPEC) as kept:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            status = 1
            try:
                with borrow(SPEC) as own:
                    os.write(writing, b"own" if own is not kept else b"same")
                    status = int(run_and_read(own, "print(0)"))
                close_all()
            finally:
                os._exit(status)
        os.close(writing)
        assert os.waitpid(child, 0)[1] == 0
        with os.fdopen(reading, "rb") as file:
            assert file.read() == b"own"
        assert run_and_read(kept, "print('still mine')") == "still mine"
    assert find_processes(child) == set()


@needs_bubblewrap
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Of a fork beside threads.
def test_a_fork_within_the_loan_does_not_close_it() -> None:
    with borrow(SPEC) as kept:
        assert run_and_read(kept, "print(1)") == "1"
    child = os.fork()
    if child == 0:
        try:
            with borrow(SPEC) as own:
                os._exit(0 if own is not kept else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    with borrow(SPEC) as again:
        assert again is kept
        assert run_and_read(again, "print(2)") == "2"


@needs_bubblewrap
def test_threads_never_share_one() -> None:
    busy: set[Sandbox] = set()
    problems: list[str] = []

    def work(number: int) -> None:
        for _ in range(4):
            with borrow(SPEC) as sandbox:
                if sandbox in busy:
                    problems.append("one sandbox lent twice")
                busy.add(sandbox)
                if run_and_read(sandbox, f"print({number})") != str(number):
                    problems.append("the answer of another thread")
                busy.discard(sandbox)

    threads = [threading.Thread(target=work, args=[number]) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []


def test_an_unknown_backend_is_named_in_one_line() -> None:
    with (
        pytest.raises(UnknownNameError, match="bubblewrap") as caught,
        borrow(BoxSpec("bubblewarp", Limits(), ())),
    ):
        pass
    assert "'bubblewarp'" in str(caught.value)
    assert "\n" not in str(caught.value)


@needs_bubblewrap
def test_auto_is_what_isolates() -> None:
    assert choose_backend() in ("bubblewrap", "docker")
    with borrow(BoxSpec("auto", Limits(), ())) as sandbox:
        assert sandbox.name == choose_backend()


@needs_bubblewrap
def test_a_trial_says_what_is_kept_apart() -> None:
    assert "namespaces" in try_backend("bubblewrap")


ASK = """
import json, sys, warnings
from gym_reason.types import Task
from gym_reason.verifiers import make_verifier
tests = json.dumps({"type": "assert", "entry": "f", "code": "assert f() == 1"})
warnings.simplefilter("ignore")
try:
    print(make_verifier(sys.argv[1]).verify(Task("t", (), tests), "def f(): return 1").outcome)
except Exception as error:
    print(type(error).__name__, error)
"""


def ask_without_bubblewrap(spec: str) -> str:
    environment = {**os.environ, "PATH": "/nowhere", "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    command = [sys.executable, "-c", ASK, spec]
    result = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert result.returncode == 0, result.stderr
    return result.stdout.strip()


def test_auto_never_falls_back_to_no_isolation() -> None:
    said = ask_without_bubblewrap("code")
    assert said.startswith("RunError no sandbox that isolates works here")
    assert "bubblewrap (bwrap) is not installed" in said
    assert "say sandbox=process" in said
    assert "\n" not in said


def test_no_isolation_has_to_be_asked_for() -> None:
    assert ask_without_bubblewrap("code:process") == "pass"


def test_a_backend_that_is_missing_is_not_replaced() -> None:
    assert ask_without_bubblewrap("code:bubblewrap").startswith(
        "RunError bubblewrap (bwrap) is not"
    )


def test_a_trial_of_what_is_missing_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(RunError, match="not installed"):
        try_backend("bubblewrap")
