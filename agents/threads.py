"""Work that takes long, in threads of its own, while other episodes go on."""

import asyncio
import contextlib
import os
import threading
import weakref
from collections.abc import Callable
from functools import partial
from typing import TypeVar

T = TypeVar("T")

AT_ONCE = max(8, 4 * (os.cpu_count() or 1))
"""Threads that work at a time: a tool that opens a process for each would open one an episode."""

_slots: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore]
_slots = weakref.WeakKeyDictionary()


async def run_in_thread(work: Callable[[], T], limit_s: float) -> T:
    """Return what some work returns, from a thread of its own.

    Raises TimeoutError where it takes longer than `limit_s` seconds. They count from when it
    begins, not while it waits for others to end, so that what an agent hears does not depend on
    how many there are. A pool's threads would all be taken by tools that hang; nobody waits for a
    thread that was given up, and it ends with the process.
    """
    loop = asyncio.get_running_loop()
    slots = _slots.setdefault(loop, asyncio.Semaphore(AT_ONCE))
    async with slots, asyncio.timeout(limit_s):
        answered: asyncio.Future[T] = loop.create_future()
        thread = partial(_run, work, loop, answered)
        threading.Thread(target=thread, name="tool", daemon=True).start()
        return await answered


def _run(
    work: Callable[[], T], loop: asyncio.AbstractEventLoop, answered: asyncio.Future[T]
) -> None:
    try:
        settling = partial(_settle, answered, partial(answered.set_result, work()))
    except Exception as error:  # handed to whoever waits
        settling = partial(_settle, answered, partial(answered.set_exception, error))
    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settling)


def _settle(answered: asyncio.Future[T], settling: Callable[[], None]) -> None:
    if not answered.done():
        settling()
