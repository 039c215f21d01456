"""A reward model as a verifier."""

import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from gym_reason.agents.reward_models.lazy import LazyClassifier
from gym_reason.agents.reward_models.rows import EncodedRow, Score, UnreadableRowError
from gym_reason.agents.reward_models.scale import RewardScale, check_scale, scale_score
from gym_reason.errors import UsageError
from gym_reason.text import after_thinking
from gym_reason.types import Outcome, Task, Verdict, prompt_messages, replace_verdict
from gym_reason.verifiers.verdicts import unscorable


class RewardModelVerifier:
    """Scores a whole answer with a sequence classifier, as trained on preferences.

    The model reads the task's prompt (`meta["prompt"]` where the task has none) and the submission
    as a conversation. A head of one label gives a Bradley-Terry score, one of several the log-odds
    of the good one. `correct` says that the reward reaches `threshold`, no more: a reward model
    knows what was preferred, not what is true.

    A submission that does not fit loses its beginning, and the verdict says so. A score that is
    not finite is `unscorable`.
    """

    name = "reward_model"

    def __init__(
        self,
        path: str | Path,
        reward: RewardScale = "raw",
        *,
        center: float | Literal["stored"] | None = None,
        threshold: float | None = None,
        label: int | None = None,
        drop_thinking: bool = False,
        max_tokens: int = 0,
        batch_tokens: int = 16384,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        """Make a verifier; the model is loaded when it is first asked, or by `prepare`.

        Args:
            path: A folder of Hugging Face's, with a ...ForSequenceClassification in safetensors.
            reward: `raw` (the score), `centred` (minus `center`) or `sigmoid` (of score minus
                `center`).
            center: A mean score, or `stored` for `reward_center` of the model's `config.json`,
                which is also what `centred` takes by default.
            threshold: Least reward that counts as correct; 0.5 for `sigmoid`, otherwise 0.
            label: The good output of a head that has several; the second of two by default.
            drop_thinking: Shows the model only what follows `</think>`.
            max_tokens: Longest conversation; 0 is the model's own limit.
            batch_tokens: Most tokens in one forward pass.
            device: `auto`, `cpu` or `cuda`.
            dtype: `auto` (bf16 on CUDA, fp32 on a CPU), `fp32`, `bf16` or `fp16`.

        Raises:
            ModelError: The folder holds no such model.
            UsageError: For an option that cannot be.
        """
        check_scale(reward, center)
        if threshold is not None and not math.isfinite(threshold):
            raise UsageError(f"threshold = {threshold}", "a finite number")
        self._lazy = LazyClassifier(
            path,
            ("sequence",),
            label=label,
            max_tokens=max_tokens,
            batch_tokens=batch_tokens,
            device=device,
            dtype=dtype,
        )
        self.reward: RewardScale = reward
        self.center = self._find_center(center)
        self.threshold = (0.5 if reward == "sigmoid" else 0.0) if threshold is None else threshold
        self.drop_thinking = drop_thinking

    def prepare(self) -> None:
        """Load the model now. Raises ModelError."""
        with self._lazy.lock:
            self._lazy.get()

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one submission. Raises ModelError where the model cannot load."""
        return self.verify_many([(task, submission)])[0]

    def verify_group(self, task: Task, submissions: Sequence[str]) -> list[Verdict]:
        """Return the verdicts on several answers to one task, in order."""
        return self.verify_many([(task, submission) for submission in submissions])

    def verify_many(self, rows: Sequence[tuple[Task, str]]) -> list[Verdict]:
        """Return the verdicts on many submissions, in order, scored in batches."""
        start = time.perf_counter()
        answers = [self._read_answer(submission) for _, submission in rows]
        scores = self._score(
            [(task, answer or "") for (task, _), answer in zip(rows, answers, strict=True)]
        )
        seconds = (time.perf_counter() - start) / max(1, len(rows))
        return [
            self._judge(score, answered=answer is not None, seconds=seconds)
            for score, answer in zip(scores, answers, strict=True)
        ]

    def score_many(self, rows: Sequence[tuple[Task, str]]) -> list[Score]:
        """Return the model's own scores of many submissions, in order, before any scaling."""
        return self._score([(task, self._read_answer(text) or "") for task, text in rows])

    def _find_center(self, center: float | str | None) -> float:
        if center == "stored" or (center is None and self.reward == "centred"):
            stored = self._lazy.facts.center
            if stored is None:
                raise UsageError(
                    f"no reward_center in {self._lazy.facts.folder / 'config.json'}",
                    "the mean score there, or center=NUMBER",
                )
            return stored
        return float(center or 0.0)

    def _read_answer(self, submission: str) -> str | None:
        return after_thinking(submission) if self.drop_thinking else submission

    def _score(self, rows: Sequence[tuple[Task, str]]) -> list[Score]:
        scores: list[Score] = []
        readable: dict[int, EncodedRow] = {}
        with self._lazy.lock:
            classifier = self._lazy.get()
            for index, (task, answer) in enumerate(rows):
                try:
                    row = classifier.encoder.encode(prompt_messages(task), answer)
                except UnreadableRowError as error:
                    scores.append(Score(math.nan, problem=str(error)))
                    continue
                readable[index] = row
                scores.append(Score(math.nan, len(row.ids), row.cut_characters))
            values = classifier.score_sequences(list(readable.values()))
        for (index, row), value in zip(readable.items(), values, strict=True):
            problem = "" if math.isfinite(value) else f"the model gave the score {value}"
            scores[index] = Score(value, len(row.ids), row.cut_characters, problem)
        return scores

    def _judge(self, score: Score, *, answered: bool, seconds: float) -> Verdict:
        if score.problem:
            return replace_verdict(unscorable(score.problem), seconds=seconds)
        reward = scale_score(score.value, self.reward, self.center)
        correct = answered and reward >= self.threshold
        parts = {"score": score.value}
        detail = ""
        if score.cut_characters:
            parts["cut_characters"] = float(score.cut_characters)
            detail = f"the first {score.cut_characters} characters did not fit and were not read"
        outcome = Outcome.PASS if correct else Outcome.FAIL if answered else Outcome.NO_ANSWER
        return Verdict(reward, correct, outcome, parts, detail=detail, seconds=seconds)
