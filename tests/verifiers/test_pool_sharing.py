"""One worker pool for several threads, coroutines and forks."""

import asyncio
import contextlib
import gc
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from gym_reason.errors import UsageError
from gym_reason.types import Outcome, Task, Verdict
from gym_reason.verifiers.pool import VerifierPool
from gym_reason.verifiers.pool import pool as pool_module

HOSTILE = str(Path(__file__).with_name("hostile_verifiers.py"))
TASK = Task("t", (), "42")


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool("hostile", workers=2, timeout_s=20, modules=[HOSTILE]) as pool:
        yield pool


def test_each_thread_gets_its_own_verdicts_in_order(pool: VerifierPool) -> None:
    def read(name: str) -> list[str]:
        texts = [f"{name}{number}" for number in range(500)]
        assert [v.detail for v in pool.verify_many((TASK, text) for text in texts)] == texts
        return [pool.verify(TASK, text).detail for text in texts[:20]]

    with ThreadPoolExecutor(6) as threads:
        for name, details in zip("abcdef", threads.map(read, "abcdef"), strict=True):
            assert details == [f"{name}{number}" for number in range(20)]


def test_a_single_row_does_not_wait_for_all_of_a_long_stream(pool: VerifierPool) -> None:
    taken = 0
    stop = threading.Event()

    def read() -> None:
        nonlocal taken
        with contextlib.closing(
            pool.verify_many((TASK, f"sleep 0.002 {n}"[:11]) for n in range(1_000_000))
        ) as verdicts:
            for _ in verdicts:
                taken += 1
                if stop.is_set():
                    return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        while not taken:
            time.sleep(0.001)
        before = taken
        assert pool.verify(TASK, "mine").detail == "mine"
        # The reader's window alone holds more rows than this.
        assert taken - before < 300
    finally:
        stop.set()
        reader.join()


def test_coroutines_share_the_pool_and_leave_the_loop_free(pool: VerifierPool) -> None:
    async def main() -> tuple[list[Verdict], int]:
        ticks = 0

        async def tick() -> None:
            nonlocal ticks
            while True:
                ticks += 1
                await asyncio.sleep(0)

        ticker = asyncio.create_task(tick())
        texts = [f"row {number}" for number in range(300)]
        verdicts = await asyncio.gather(*(pool.averify(TASK, text) for text in texts))
        ticker.cancel()
        return verdicts, ticks

    verdicts, ticks = asyncio.run(main())
    assert [v.detail for v in verdicts] == [f"row {number}" for number in range(300)]
    assert ticks > 1


def test_a_cancelled_coroutine_leaves_the_others_their_verdicts() -> None:
    async def main(pool: VerifierPool) -> tuple[bool, Verdict]:
        first = asyncio.create_task(pool.averify(TASK, "sleep 0.2"))
        dropped = asyncio.create_task(pool.averify(TASK, "hang"))
        last = asyncio.create_task(pool.averify(TASK, "last"))
        await asyncio.sleep(0.05)
        dropped.cancel()
        await asyncio.wait([first, dropped, last])
        return dropped.cancelled(), last.result()

    with VerifierPool("hostile", workers=1, timeout_s=2, modules=[HOSTILE]) as pool:
        cancelled, verdict = asyncio.run(main(pool))
    assert cancelled
    assert verdict.detail == "last"


def test_futures_come_at_once_and_hold_back_the_one_that_asks_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool_module, "_MOST_SUBMITTED_ROWS", 3)
    with VerifierPool("hostile", workers=1, timeout_s=60, modules=[HOSTILE]) as pool:
        futures: list[Future[Verdict]] = []

        def submit() -> None:
            with contextlib.suppress(UsageError):
                for number in range(10):
                    futures.append(pool.submit(TASK, f"hang {number}"))

        asking = threading.Thread(target=submit)
        asking.start()
        while len(futures) < 3:
            time.sleep(0.001)
        asking.join(0.2)
        assert asking.is_alive()
        assert len(futures) == 3
        pool.close()
        asking.join(20)
        assert not asking.is_alive()
    for future in futures:
        with pytest.raises(UsageError, match="closed"):
            future.result(20)


def test_closing_ends_the_wait_of_other_threads() -> None:
    pool = VerifierPool("hostile", timeout_s=60, modules=[HOSTILE])
    errors: list[UsageError] = []

    def read() -> None:
        try:
            list(pool.verify_many([(TASK, "hang")]))
        except UsageError as error:
            errors.append(error)

    reader = threading.Thread(target=read)
    reader.start()
    reader.join(0.3)
    assert reader.is_alive()
    pool.close()
    reader.join(20)
    assert "closed" in str(errors[0])


def test_a_callback_that_would_wait_for_its_own_pool_is_refused(pool: VerifierPool) -> None:
    found: Future[str] = Future()

    def ask_again(_: Future[Verdict]) -> None:
        try:
            found.set_result(pool.verify(TASK, "b").detail)
        except UsageError as error:
            found.set_result(str(error))

    pool.submit(TASK, "sleep 0.3").add_done_callback(ask_again)
    assert "callback" in found.result(20)


def test_a_pool_that_nobody_holds_any_more_ends_its_thread() -> None:
    pool = VerifierPool("hostile", modules=[HOSTILE])
    pool.verify(TASK, "a")
    thread = next(t for t in reversed(threading.enumerate()) if t.name == "verifier-pool")
    del pool
    gc.collect()
    assert not thread.is_alive()


FORKED = """
import os, sys, warnings
warnings.simplefilter("ignore")
from gym_reason.types import Task
from gym_reason.verifiers.pool import VerifierPool
task = Task("t", (), "1")
pool = VerifierPool("hostile", workers=2, modules=[sys.argv[1]])
here = pool.verify(task, "a").parts["pid"]
stream = pool.verify_many((task, str(n)) for n in range(5000))
next(stream)
child = os.fork()
if child == 0:
    try:
        list(stream)
        os._exit(1)
    except Exception as error:
        assert "fork" in str(error), error
    there = pool.verify(task, "b").parts["pid"]
    assert there != here
    pool.close()
    os._exit(42)
code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
assert sum(1 for _ in stream) == 4999
assert pool.verify(task, "c").detail == "c"
sys.exit(code)
"""


def test_a_fork_starts_workers_of_its_own_and_leaves_ours_alone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", FORKED, HOSTILE], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (42, b"")


LEFT_OPEN = """
import sys
from gym_reason.types import Task
from gym_reason.verifiers.pool import VerifierPool
pool = VerifierPool("hostile", workers=1, timeout_s=600, modules=[sys.argv[1]])
pool.submit(Task("t", (), "1"), "hang")
print(int(pool.verify_many([(Task("t", (), "1"), "a")]) is not None))
"""


def test_a_script_that_never_closes_its_pool_ends() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, HOSTILE], capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"1\n")


def test_outcomes_of_a_mix_asked_for_in_every_way() -> None:
    with VerifierPool("hostile", workers=2, timeout_s=0.5, modules=[HOSTILE]) as pool:
        futures = [pool.submit(TASK, text) for text in ("a", "exit 1", "hang 1", "raise")]
        streamed = [v.outcome for v in pool.verify_many([(TASK, "hang 2"), (TASK, "b")])]
        assert [future.result(20).outcome for future in futures] == [
            Outcome.PASS,
            Outcome.UNSCORABLE,
            Outcome.TIMEOUT,
            Outcome.UNSCORABLE,
        ]
    assert streamed == [Outcome.TIMEOUT, Outcome.PASS]
