"""Work in threads: how much of it at a time, and from when its seconds count."""

import asyncio
import threading
import time
from functools import partial
from typing import Any

import pytest

from gym_reason.agents import threads
from gym_reason.agents.threads import run_in_thread


def test_no_more_works_at_a_time_than_there_are_slots(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "AT_ONCE", 3)
    lock, working, most = threading.Lock(), 0, 0

    def work(number: int) -> int:
        nonlocal working, most
        with lock:
            working += 1
            most = max(most, working)
        time.sleep(0.01)
        with lock:
            working -= 1
        return number

    async def run() -> list[int]:
        return await asyncio.gather(*(run_in_thread(partial(work, i), 60.0) for i in range(20)))

    assert asyncio.run(run()) == list(range(20))
    assert most == 3


def test_the_wait_for_a_slot_is_not_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "AT_ONCE", 1)

    async def run() -> list[object]:
        long = run_in_thread(partial(time.sleep, 1.0), 60.0)
        return list(await asyncio.gather(long, run_in_thread(lambda: "in time", 0.7)))

    assert asyncio.run(run()) == [None, "in time"]


def test_what_hangs_gives_its_slot_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "AT_ONCE", 1)
    released = threading.Event()

    async def run() -> list[Any]:
        hung = run_in_thread(released.wait, 0.05)
        other = run_in_thread(lambda: 1, 60.0)
        return list(await asyncio.gather(hung, other, return_exceptions=True))

    try:
        hung, other = asyncio.run(run())
    finally:
        released.set()
    assert isinstance(hung, TimeoutError)
    assert other == 1


def test_an_error_is_handed_to_who_waits() -> None:
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        asyncio.run(run_in_thread(fail, 60.0))
