"""The same text is judged once, however many submit it, at a time or one after the other."""

import threading
from concurrent.futures import Future

from gym_reason.types import Task, Verdict
from gym_reason.verifiers.base import Verifier
from gym_reason.verifiers.capabilities import is_deterministic, needed_seconds, prepare
from gym_reason.verifiers.pool.cache import is_lasting
from gym_reason.verifiers.pool.content import row_id

MOST_VERDICTS = 16_384
"""Verdicts that are remembered; beyond them the oldest go."""


class VerdictMemory:
    """The verdicts that several threads have given or are about to give, by their content."""

    def __init__(self, most: int = MOST_VERDICTS) -> None:
        """Begin with none."""
        self._most = most
        self._lock = threading.Lock()
        self._verdicts: dict[bytes, Future[Verdict]] = {}

    def judge(self, verifier: Verifier, task: Task, submission: str) -> Verdict:
        """Return the verdict that is known, or will be in a moment, or ask `verifier` for it.

        Only a verdict that depends on the submission alone is handed on. Raises what `verifier`
        raises.
        """
        key = row_id(task, submission)
        own: Future[Verdict] = Future()
        with self._lock:
            promised = self._verdicts.setdefault(key, own)
            if len(self._verdicts) > self._most:
                del self._verdicts[next(iter(self._verdicts))]
        if promised is not own:
            verdict = promised.result()
            return verdict if is_lasting(verdict) else verifier.verify(task, submission)
        try:
            verdict = verifier.verify(task, submission)
        except BaseException as error:
            self._forget(key)
            own.set_exception(error)
            raise
        if not is_lasting(verdict):
            self._forget(key)
        own.set_result(verdict)
        return verdict

    def _forget(self, key: bytes) -> None:
        with self._lock:
            self._verdicts.pop(key, None)


class JudgedOnce:
    """A deterministic verifier that looks into a memory first, which others may share.

    All that share a memory have to judge alike.
    """

    def __init__(self, verifier: Verifier, memory: VerdictMemory) -> None:
        """Judge with `verifier` what `memory` does not hold."""
        self.inner = verifier
        self.name = verifier.name
        self.deterministic = is_deterministic(verifier)
        self.needs_s = needed_seconds(verifier)
        self._memory = memory

    def prepare(self) -> None:
        """Let the verifier prepare itself. Raises whatever that raises."""
        prepare(self.inner)

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`. Raises what the verifier raises."""
        return self._memory.judge(self.inner, task, submission)
