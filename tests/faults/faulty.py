"""What does harm inside a run, at the moment that its arguments name: loaded by `--load`."""

import asyncio
import functools
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import gym_reason
from gym_reason.agents.answer import AnswerAgent
from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.envs.base import Transition
from gym_reason.envs.digits import Digits
from gym_reason.types import Task, Verdict
from gym_reason.verifiers import VerifierPool

FOREVER_S = 600.0


@gym_reason.register("test/Faulty-v0")
class Faulty(Digits):
    """Does a deed before it judges one of its answers."""

    answers: ClassVar[Counter[str]] = Counter()

    def __init__(
        self, *, fault: str = "", where: str = "train", at: int = 0, mark: str = "", **kwargs: Any
    ) -> None:
        """Do `fault` at answer `at` of the split `where`, and write the time into the file `mark`.

        Faults are the keys of `DEEDS`, and `dead_pool`: from that answer on whatever judges dies.
        """
        super().__init__(**kwargs)
        self._deed = (fault, where, at, mark)

    def transition(self, action: str) -> Transition:
        """Judge an answer, or do the deed first."""
        fault, where, at, mark = self._deed
        count = Faulty.answers[self.split]
        Faulty.answers[self.split] += 1
        if fault in DEEDS and self.split == where and count == at:
            Path(mark).write_text(str(time.monotonic()))
            DEEDS[fault](Path(mark))
        if fault == "dead_pool" and self.split == where and count >= at:
            Path(mark).touch()
            self.verifier = dead_pool()
        return super().transition(action)


@functools.cache
def dead_pool() -> VerifierPool:
    """Return a pool of processes that do not live to give a verdict."""
    return VerifierPool("lethal", modules=[__file__])


def hang(mark: Path) -> None:
    """Never come back."""
    time.sleep(FOREVER_S)


def hang_deaf(mark: Path) -> None:
    """Never come back, and hear no signal: as code of the C side does."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    time.sleep(FOREVER_S)


def kill(mark: Path) -> None:
    """End as a process does that the kernel kills for its memory."""
    os.kill(os.getpid(), signal.SIGKILL)


def block_metrics(mark: Path) -> None:
    """Have whoever writes metrics wait, as a file system does whose server is gone."""
    metrics = mark.parent / "run" / "metrics.jsonl"
    os.rename(metrics, metrics.with_suffix(".kept"))
    os.mkfifo(metrics)


DEEDS: dict[str, Callable[[Path], None]] = {
    one.__name__: one for one in (hang, hang_deaf, kill, block_metrics)
}


@gym_reason.register_verifier("lethal")
class Lethal:
    """A verifier that takes its process with it."""

    name = "lethal"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Kill the process."""
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("dead")


class Disturbed(AnswerAgent):
    """An agent that goes wrong at its answer number `at` to a question of the training split."""

    asked: ClassVar[int] = 0

    def __init__(self, policy: Policy, params: SamplingParams, fault: str, at: int) -> None:
        """Keep what to do, and when."""
        super().__init__(policy, params)
        self._deed = (fault, at)

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Answer, or go wrong."""
        fault, at = self._deed
        Disturbed.asked += 1
        if Disturbed.asked == at + 1:
            if fault == "starves":
                bytearray(1 << 50)
            await asyncio.sleep(FOREVER_S)
        return await super().act(conversation, seed)


@gym_reason.register_agent("disturbed")
def make_disturbed(
    policy: Policy, params: SamplingParams, fault: str = "waits", at: int = 0
) -> Disturbed:
    """Return an agent that goes wrong once."""
    return Disturbed(policy, params, fault, at)
