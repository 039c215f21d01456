"""The judge as a verifier."""

import asyncio
import importlib.util
import os
import threading
import time
import weakref
from collections.abc import Callable, Coroutine, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from gym_reason.errors import UsageError
from gym_reason.seeding import derive_seed
from gym_reason.text import after_thinking, shorten
from gym_reason.types import Outcome, Task, Verdict, replace_verdict
from gym_reason.verifiers.judge.background import BackgroundLoop
from gym_reason.verifiers.judge.client import ChatClient, JudgeUnavailableError, read_key
from gym_reason.verifiers.judge.fence import Fence, defuse, forges_marker, make_fence
from gym_reason.verifiers.judge.prompts import (
    describe_rubric,
    describe_scores,
    describe_task,
    read_templates,
)
from gym_reason.verifiers.judge.replies import read_pairwise, read_pointwise
from gym_reason.verifiers.judge.scoring import score_pairwise, score_pointwise
from gym_reason.verifiers.judge.settings import JudgeSettings, read_settings
from gym_reason.verifiers.verdicts import unscorable

T = TypeVar("T")

_STARTING = threading.Lock()


class JudgeVerifier:
    """Asks a language model behind an OpenAI-compatible endpoint for a grade.

    The reward is from 0 to 1. Where no valid grade can be had within the limits of the settings
    the verdict is `unscorable`, with the reason. An empty submission is `no_answer`, one over
    `max_chars` an `output_limit`, and one that writes the markers of the prompt `invalid`; for
    none of these the judge is asked. Its reasons go to `detail`, not to `feedback`: they may hold
    the reference. Safe to share between threads; close it, or use it in a `with` block.
    """

    name = "judge"

    def __init__(self, settings: JudgeSettings) -> None:
        """Make a judge; nothing is sent yet.

        Raises:
            UsageError: httpx is not installed.
            ConfigError: The key's variable is not set, or a prompt cannot be used.
        """
        if importlib.util.find_spec("httpx") is None:
            raise UsageError("no package httpx", "it for a judge", "pip install gym-reason[judge]")
        read_key(settings.api_key_env)
        self.settings = settings
        self.needs_s = settings.max_total_s
        self._templates = read_templates(settings.mode, settings.prompts)
        self._running: _Running | None = None

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission."""
        return self._loop().run(self._verify(task, submission))

    async def verify_async(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission without blocking the caller's event loop."""
        return await asyncio.wrap_future(self._loop().submit(self._verify(task, submission)))

    def verify_group(self, task: Task, submissions: Sequence[str]) -> list[Verdict]:
        """Return the verdicts on several answers to one task, in order."""
        return self.verify_many([(task, submission) for submission in submissions])

    def verify_many(self, rows: Sequence[tuple[Task, str]]) -> list[Verdict]:
        """Return the verdicts on many submissions, in order, `concurrency` at a time."""
        return self._loop().run(self._verify_many(rows))

    def close(self) -> None:
        """Close the connections and end the thread. It starts again when it is needed."""
        if self._running is not None:
            self._running.finalize()
            self._running = None

    def __enter__(self) -> Self:
        """Return the judge."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close the judge."""
        self.close()

    def __getstate__(self) -> dict[str, object]:
        """Leave connections and the thread behind; the key is read from the environment again."""
        return {**self.__dict__, "_running": None}

    def _loop(self) -> BackgroundLoop:
        with _STARTING:
            if self._running is None or self._running.loop.pid != os.getpid():
                self._running = _Running(self)
            return self._running.loop

    async def _verify_many(self, rows: Sequence[tuple[Task, str]]) -> list[Verdict]:
        places = asyncio.Semaphore(self.settings.concurrency)

        async def take_turn(task: Task, submission: str) -> Verdict:
            async with places:
                return await self._verify(task, submission)

        return await asyncio.gather(*(take_turn(*row) for row in rows))

    async def _verify(self, task: Task, submission: str) -> Verdict:
        start = time.perf_counter()
        try:
            async with asyncio.timeout(self.settings.max_total_s):
                verdict = await self._judge(task, submission)
        except JudgeUnavailableError as error:
            verdict = unscorable(f"the judge gave no verdict: {error}")
        except TimeoutError:
            limit = f"{self.settings.max_total_s:g} s"
            verdict = unscorable(f"the judge gave no verdict within {limit}")
        return replace_verdict(verdict, seconds=time.perf_counter() - start)

    async def _judge(self, task: Task, submission: str) -> Verdict:
        settings = self.settings
        answer = after_thinking(submission) if settings.drop_thinking else submission
        if answer is None or not defuse(answer).strip():
            return _end(Outcome.NO_ANSWER, "there is nothing to judge")
        if len(answer) > settings.max_chars:
            detail = f"{len(answer)} characters, more than the {settings.max_chars} that are judged"
            return _end(Outcome.OUTPUT_LIMIT, detail)
        if forges_marker(answer):
            return _end(Outcome.INVALID, "the submission forges the markers of the judge's prompt")
        if settings.mode == "pairwise":
            if not task.reference.strip():
                return unscorable("the task has no reference to compare with")
            reward, parts, reasons = await self._judge_pairwise(task, answer)
        else:
            reward, parts, reasons = await self._judge_pointwise(task, answer)
        correct = reward >= settings.threshold
        outcome = Outcome.PASS if correct else Outcome.FAIL
        return Verdict(reward, correct, outcome, parts, detail=shorten(reasons, 500))

    async def _judge_pointwise(
        self, task: Task, answer: str
    ) -> tuple[float, dict[str, float], str]:
        criteria = self.settings.criteria
        reference = task.reference if self.settings.show_reference else ""
        fence, values = self._describe(task, reference, answer)
        values |= {
            "reference": _wrap(fence, "reference", reference),
            "submission": fence.wrap("submission", answer),
        }

        def read(text: str) -> Any:
            return read_pointwise(text, criteria, fence.check)

        replies = await _gather(
            [self._ask(task, values, read, vote, "") for vote in range(self.settings.votes)]
        )
        reward, parts = score_pointwise(replies, criteria)
        return reward, parts, replies[0].reasoning

    async def _judge_pairwise(self, task: Task, answer: str) -> tuple[float, dict[str, float], str]:
        fence, values = self._describe(task, task.reference, answer)
        orders = {"ab": (answer, task.reference), "ba": (task.reference, answer)}

        def read(text: str) -> Any:
            return read_pairwise(text, fence.check)

        votes = self.settings.votes
        work = []
        for order, (first, second) in orders.items():
            shown = values | {"first": fence.wrap("A", first), "second": fence.wrap("B", second)}
            work += [self._ask(task, shown, read, vote, order) for vote in range(votes)]
        replies = await _gather(work)
        reward, parts = score_pairwise(replies[:votes], replies[votes:])
        return reward, parts, replies[0].reasoning

    def _describe(self, task: Task, reference: str, answer: str) -> tuple[Fence, dict[str, str]]:
        """Return the fence of a submission and what all its requests hold."""
        described = describe_task(task)
        fence = make_fence(self.settings.seed, task.id, described, reference, answer)
        return fence, {
            "number": fence.number,
            "check": fence.check,
            "rubric": describe_rubric(self.settings.criteria),
            "scores": describe_scores(self.settings.criteria),
            "task": _wrap(fence, "task", described),
        }

    def _ask(
        self, task: Task, values: dict[str, str], read: Callable[[str], T], vote: int, order: str
    ) -> Coroutine[Any, Any, T]:
        def compose(refusal: str) -> list[dict[str, str]]:
            note = f"\n\nYour last reply was refused: {refusal}." if refusal else ""
            return self._templates.fill({**values, "correction": note})

        def seeds(attempt: int) -> int:
            path = ("judge", task.id, vote, order, attempt)
            return derive_seed(max(0, self.settings.seed), *path) % 2**31

        assert self._running is not None
        return self._running.client.ask(compose, read, seeds)


class _Running:
    """What a judge has open, closed with it."""

    def __init__(self, judge: JudgeVerifier) -> None:
        self.client = ChatClient(judge.settings)
        self.loop = BackgroundLoop()
        self.finalize = weakref.finalize(judge, _shut_down, self.loop, self.client)


def _shut_down(loop: BackgroundLoop, client: ChatClient) -> None:
    if loop.pid == os.getpid():
        loop.run(client.close())
        loop.close()


async def _gather(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Return what all of `work` returns; the first failure cancels the rest."""
    tasks = [asyncio.ensure_future(one) for one in work]
    try:
        return list(await asyncio.gather(*tasks))
    finally:
        for task in tasks:
            task.cancel()


def _wrap(fence: Fence, name: str, text: str) -> str:
    return fence.wrap(name, text) if text.strip() else f"No {name} was given."


def _end(outcome: Outcome, detail: str) -> Verdict:
    return Verdict(reward=0.0, correct=False, outcome=outcome, detail=detail)


def make_judge(settings: str = "", **overrides: object) -> JudgeVerifier:
    """Return a judge.

    Args:
        settings: A TOML file with the fields of `JudgeSettings`.
        overrides: Fields that take the place of the file's.

    Raises:
        UsageError: As `read_settings` and `JudgeVerifier`.
    """
    return JudgeVerifier(read_settings(settings, overrides))
