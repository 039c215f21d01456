"""A crew: workers of one kind that are dealt parts of the work, watched, and replaced."""

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gym_reason.cluster.member import Member, explain
from gym_reason.cluster.settings import RaySettings
from gym_reason.errors import GymReasonError, RunError

BEAT_S = 1.0
"""Seconds between two signs of life of a worker; fewer where its silence is to be short."""
HELD_UP_S = 5.0
"""Where this process itself stood still for longer, nobody is blamed for the time."""
MOST_FAILURES = 2
"""Workers that may be lost over one part."""


class PartLostError(RunError):
    """A part was lost with two workers; others of the crew go on."""


@dataclass(slots=True, eq=False)
class _Job:
    """A part on its way."""

    content: Any
    what: str
    limit_s: float
    weight: int
    future: "Future[Any]"
    begun: bool = False
    failures: int = 0
    failed_at: float = -1.0


@dataclass(slots=True, eq=False)
class _Post:
    """A worker's place in the crew."""

    number: int
    member: Member
    since: float
    ready: bool = False
    place: str = "not started"
    alive_at: float = 0.0
    asked_at: float | None = None
    jobs: dict[_Job, float] = field(default_factory=dict)
    """What it has, and since when."""

    @property
    def load(self) -> int:
        return sum(job.weight for job in self.jobs)


class Crew:
    """Deals parts to whoever is idle, and gives each result exactly once.

    A worker that dies, that gives no sign of life or that passes the limit of a part is killed and
    replaced; what it had is started again, once, by one that has shown life since. The second time
    is the end of the part, which fails with a PartLostError. An error of this library's from a
    worker is the part's own and comes as it is. Where no worker starts, everything fails.

    One thread does all of it; `submit` and `close` may be called by any other.
    """

    def __init__(
        self,
        name: str,
        count: int,
        limits: RaySettings,
        hire: Callable[[], Member],
        *,
        at_once: int = 1,
        say: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Have the workers start.

        Args:
            name: What messages call one of them: `rollout worker`.
            count: How many.
            limits: How long anything is waited for.
            hire: Asks for a process.
            at_once: How many parts a worker may have at a time.
            say: Told, in the crew's thread, whom it lost and why.
        """
        self.name = name
        self.lost = 0
        """Workers that were replaced so far."""
        self._count = count
        self._limits = limits
        self._hire = hire
        self._at_once = at_once
        self._say = say
        self._beat_s = min(BEAT_S, limits.silence_timeout_s / 4)
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._failure: BaseException | None = None
        self._submitted: list[_Job] = []
        self._waiting: list[_Job] = []
        self._posts: list[_Post] = []
        self._hired = 0
        self._fruitless = 0
        self._thread = threading.Thread(target=self._run, name=f"crew of {name}s", daemon=True)
        self._thread.start()

    def submit(
        self, content: Any, what: str, *, limit_s: float | None = None, weight: int = 1
    ) -> "Future[Any]":
        """Have a part done.

        Args:
            content: What the worker is given.
            what: Names it in messages: `part 3 of rl play 7`.
            limit_s: Longest that one worker may take; by default the recipe's.
            weight: How much of a worker it takes, against other parts.
        """
        limit_s = self._limits.part_timeout_s if limit_s is None else limit_s
        job = _Job(content, what, limit_s, weight, Future())
        with self._lock:
            if self._failure is None:
                self._submitted.append(job)
                self._events.put(_wake)
                return job.future
        job.future.set_exception(self._failure)
        return job.future

    def close(self) -> None:
        """End every worker; what still waits fails."""
        self._fail(RunError(f"the crew of {self.name}s was closed"))
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _fail(self, error: BaseException) -> None:
        with self._lock:
            if self._failure is None:
                self._failure = error
                self._events.put(_wake)

    # From here on in the thread.

    def _run(self) -> None:
        try:
            for _ in range(self._count):
                self._post()
            while self._failure is None:
                self._hand_out()
                self._serve()
                self._check_limits()
        except Exception as error:  # Nobody may wait for ever on a thread that has ended.
            self._fail(error)
            raise
        finally:
            self._end()

    def _end(self) -> None:
        for post in self._posts:
            post.member.kill()
        self._take_in()
        jobs = [job for post in self._posts for job in post.jobs]
        for job in (*jobs, *self._waiting):
            if job.begun or job.future.set_running_or_notify_cancel():
                job.future.set_exception(self._failure)

    def _post(self) -> None:
        """Hire a worker."""
        self._hired += 1
        try:
            post = _Post(self._hired, self._hire(), time.monotonic())
            started = post.member.start()
        except Exception as error:  # Ray is gone.
            self._fail(RunError(f"no {self.name} can be asked for: {explain(error)[1]}"))
            return
        self._posts.append(post)
        self._await(started, partial(self._started, post))

    def _take_in(self) -> None:
        with self._lock:
            self._waiting += self._submitted
            self._submitted.clear()

    def _await(self, future: "Future[Any]", handle: Callable[["Future[Any]"], None]) -> None:
        future.add_done_callback(lambda done: self._events.put(partial(handle, done)))

    def _serve(self) -> None:
        """Take what has happened, or wait a moment for something to."""
        asked = time.monotonic()
        try:
            self._events.get(timeout=self._beat_s)()
            while True:
                self._events.get_nowait()()
        except queue.Empty:
            pass
        held_up = time.monotonic() - asked - self._beat_s
        if held_up > HELD_UP_S:
            self._forgive(held_up)

    def _forgive(self, seconds: float) -> None:
        for post in self._posts:
            post.since += seconds
            post.jobs = {job: began + seconds for job, began in post.jobs.items()}
            if post.asked_at is not None:
                post.asked_at += seconds

    def _hand_out(self) -> None:
        """Give waiting parts to the workers with the least to do."""
        self._take_in()
        left: list[_Job] = []
        for job in self._waiting:
            able = [
                post
                for post in self._posts
                if post.ready
                and len(post.jobs) < self._at_once
                # A node takes several workers with it: only one that lives may try it again.
                and post.alive_at > job.failed_at
            ]
            if not able:
                left.append(job)
            elif job.begun or job.future.set_running_or_notify_cancel():
                job.begun = True
                self._give(min(able, key=lambda post: post.load), job)
        self._waiting = left

    def _give(self, post: _Post, job: _Job) -> None:
        try:
            result = post.member.work(job.content)
        except Exception as error:  # It holds what cannot be sent.
            sent = f"{job.what} cannot be sent to a {self.name}: {explain(error)[1]}"
            job.future.set_exception(RunError(sent))
            return
        post.jobs[job] = time.monotonic()
        self._await(result, partial(self._finished, post, job))

    def _started(self, post: _Post, future: "Future[str]") -> None:
        if post not in self._posts:
            return
        error = future.exception()
        if error is None:
            post.ready, post.place, post.alive_at = True, future.result(), time.monotonic()
            return
        raised, reason = explain(error)
        if isinstance(raised, GymReasonError):
            self._fail(raised)
        else:
            self._replace(post, f"did not start: it {reason}")

    def _finished(self, post: _Post, job: _Job, future: "Future[Any]") -> None:
        if post not in self._posts or job not in post.jobs:
            return  # It was given up, and another has the part.
        error = future.exception()
        raised, reason = explain(error) if error is not None else (None, "")
        if error is None or isinstance(raised, GymReasonError):
            del post.jobs[job]
            post.alive_at = time.monotonic()
            self._fruitless = 0
            if raised is None:
                job.future.set_result(future.result())
            else:
                job.future.set_exception(raised)
        else:
            self._replace(post, reason)

    def _beaten(self, post: _Post, future: "Future[Any]") -> None:
        if post not in self._posts:
            return
        error = future.exception()
        if error is None:
            post.asked_at, post.alive_at = None, time.monotonic()
        else:
            self._replace(post, explain(error)[1])

    def _check_limits(self) -> None:
        now = time.monotonic()
        for post in list(self._posts):
            if not post.ready:
                if now - post.since > self._limits.start_timeout_s:
                    self._give_up_start(post)
                continue
            late = next((j for j, began in post.jobs.items() if now - began > j.limit_s), None)
            if late is not None:
                self._replace(post, f"did not finish {late.what} within {late.limit_s:g} s")
            elif post.asked_at is None:
                if now - post.alive_at >= self._beat_s:
                    post.asked_at = now
                    self._await(post.member.beat(), partial(self._beaten, post))
            elif now - post.asked_at > self._limits.silence_timeout_s:
                silence_s = self._limits.silence_timeout_s
                self._replace(post, f"gave no sign of life for {silence_s:g} s")

    def _give_up_start(self, post: _Post) -> None:
        limit_s = self._limits.start_timeout_s
        if any(other.ready for other in self._posts):
            self._replace(post, f"did not start within {limit_s:g} s")
            return
        self._fail(
            RunError(
                f"no {self.name} was ready within {limit_s:g} s",
                "room for one on a node, and the same installation there",
                "see `ray status`, or raise ray.start_timeout_s",
            )
        )

    def _replace(self, post: _Post, reason: str) -> None:
        """Kill a worker, hire another, and have what it held done again."""
        self._posts.remove(post)
        post.member.kill()
        self.lost += 1
        self._fruitless += 1
        told = f"{self.name} {post.number} ({post.place}) {reason}"
        again: list[_Job] = []
        for job in post.jobs:
            job.failures += 1
            job.failed_at = time.monotonic()
            if job.failures >= MOST_FAILURES:
                job.future.set_exception(_give_up(job, told))
            else:
                again.append(job)
        self._waiting[:0] = again
        self._say(f"{told}; another takes its place, and {len(again)} of its parts")
        if self._fruitless > MOST_FAILURES * self._count + 3:
            self._fail(
                RunError(
                    f"{self._fruitless} {self.name}s in a row were lost before they had done "
                    f"anything; the last: {told}",
                    remedy="go on from the checkpoint with --resume once the cluster is well",
                )
            )
        else:
            self._post()


def _wake() -> None:
    """Have the thread look at what has changed."""


def _give_up(job: _Job, told: str) -> PartLostError:
    return PartLostError(
        f"{job.what} was lost twice; the last time {told}",
        "a worker that finishes it",
        "go on from the checkpoint with --resume",
    )
