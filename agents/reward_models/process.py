"""A process reward model as a verifier: a score for each step of a solution."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from gym_reason.agents.reward_models.aggregation import Aggregation, aggregate, check_aggregation
from gym_reason.agents.reward_models.lazy import LazyClassifier
from gym_reason.agents.reward_models.rows import (
    MOST_CHARS_PER_TOKEN,
    EncodedRow,
    UnreadableRowError,
)
from gym_reason.agents.reward_models.scale import sigmoid
from gym_reason.errors import UsageError
from gym_reason.text import after_thinking
from gym_reason.types import Message, Outcome, Task, Verdict, prompt_messages
from gym_reason.verifiers.steps.split import Boundary, split_steps

if TYPE_CHECKING:
    from gym_reason.agents.reward_models.classifier import Classifier

MOST_STEP_PARTS = 32
"""How many steps a verdict names; all of them count."""


@dataclass(frozen=True, slots=True)
class StepScores:
    """What a process reward model says of one solution."""

    values: tuple[float, ...]
    """The chance that each step is right, in order; empty where there is no verdict on steps."""
    outcome: Outcome | None = None
    """Why there are no values; None where there are."""
    problem: str = ""
    """The same in words."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """The sequences to be read for one solution, and where its step scores stand in them."""

    rows: tuple[EncodedRow, ...]
    positions: tuple[tuple[int, ...], ...]


class ProcessRewardModelVerifier:
    """Scores each step of a solution and takes one number of them as its reward.

    The folder's head decides how. A ...ForTokenClassification reads the whole solution once, a
    separator after each step, and is scored at the last token of each separator. A
    ...ForSequenceClassification reads the solution up to the end of each step, once a step. A
    step's score is the chance of the good label: the sigmoid of a single output, the softmax of
    several.

    The reward is from 0 to 1. A solution that is too long for the model, or has more than
    `max_steps` steps, is an `output_limit` with reward 0: none of it is cut away.
    """

    name = "process_reward_model"

    def __init__(
        self,
        path: str | Path,
        aggregation: Aggregation = "min",
        *,
        boundary: Boundary = "auto",
        separator: str = "\n",
        threshold: float = 0.5,
        label: int | None = None,
        max_steps: int = 128,
        drop_thinking: bool = False,
        max_tokens: int = 0,
        batch_tokens: int = 16384,
        device: str = "auto",
        dtype: str = "auto",
    ) -> None:
        r"""Make a verifier; the model is loaded when it is first asked, or by `prepare`.

        Args:
            path: A folder of Hugging Face's, with a classifier in safetensors.
            aggregation: `min`, `product`, `last` or `mean` of the steps' scores.
            boundary: What separates the steps of a submission, as `split_steps` takes it.
            separator: What the model was trained to see after each step, for token classifiers;
                `\n` written as two characters is a line break.
            threshold: Least reward that counts as correct.
            label: The output that says "good"; the second of two by default.
            max_steps: Most steps that are scored.
            drop_thinking: Shows the model only what follows `</think>`.
            max_tokens: Longest sequence; 0 is the model's own limit.
            batch_tokens: Most tokens in one forward pass.
            device: `auto`, `cpu` or `cuda`.
            dtype: `auto` (bf16 on CUDA, fp32 on a CPU), `fp32`, `bf16` or `fp16`.

        Raises:
            ModelError: The folder holds no such model.
            UsageError: For an option that cannot be.
        """
        check_aggregation(aggregation)
        if not 0 <= threshold <= 1:
            raise UsageError(f"threshold = {threshold}", "a number from 0 to 1")
        if isinstance(max_steps, bool) or not isinstance(max_steps, int) or max_steps < 1:
            raise UsageError(f"max_steps = {max_steps!r}", "a whole number, 1 or more")
        if not separator:
            raise UsageError("an empty separator", "the text that follows each step")
        self._lazy = LazyClassifier(
            path,
            ("sequence", "token"),
            label=label,
            max_tokens=max_tokens,
            batch_tokens=batch_tokens,
            device=device,
            dtype=dtype,
        )
        self.aggregation: Aggregation = aggregation
        split_steps("", boundary)  # Refuses an unknown one now.
        self.boundary: Boundary = boundary
        self.separator = separator.replace("\\n", "\n")
        self.threshold = threshold
        self.max_steps = max_steps
        self.drop_thinking = drop_thinking

    def prepare(self) -> None:
        """Load the model now. Raises ModelError, and UsageError for a separator without tokens."""
        with self._lazy.lock:
            self._separator_ids(self._lazy.get())

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on one solution. Raises ModelError where the model cannot load."""
        return self.verify_many([(task, submission)])[0]

    def verify_group(self, task: Task, submissions: Sequence[str]) -> list[Verdict]:
        """Return the verdicts on several solutions of one task, in order."""
        return self.verify_many([(task, submission) for submission in submissions])

    def verify_many(self, rows: Sequence[tuple[Task, str]]) -> list[Verdict]:
        """Return the verdicts on many solutions, in order, scored in batches."""
        start = time.perf_counter()
        scored = self.score_many(rows)
        seconds = (time.perf_counter() - start) / max(1, len(rows))
        return [self._judge(scores, seconds) for scores in scored]

    def score_many(self, rows: Sequence[tuple[Task, str]]) -> list[StepScores]:
        """Return the scores of every step of many solutions, in order."""
        results: list[StepScores] = []
        plans: dict[int, _Plan] = {}
        with self._lazy.lock:
            classifier = self._lazy.get()
            for index, (task, submission) in enumerate(rows):
                plan = self._plan(classifier, prompt_messages(task), submission)
                if isinstance(plan, _Plan):
                    plans[index] = plan
                    plan = StepScores(())
                results.append(plan)
            found = self._ask(classifier, list(plans.values()))
        for index, logits in zip(plans, found, strict=True):
            if all(math.isfinite(value) for value in logits):
                results[index] = StepScores(tuple(sigmoid(value) for value in logits))
            else:
                problem = "the model gave a score that is not finite"
                results[index] = StepScores((), Outcome.UNSCORABLE, problem)
        return results

    def _plan(
        self, classifier: "Classifier", messages: tuple[Message, ...], submission: str
    ) -> "_Plan | StepScores":
        """Return what is to be read, or why nothing is."""
        answer = after_thinking(submission) if self.drop_thinking else submission
        if answer is None:
            return StepScores((), Outcome.NO_ANSWER, "the thinking never ends")
        limit = classifier.encoder.max_tokens
        too_long = f"the solution does not fit the model's window of {limit} tokens"
        if len(answer) > MOST_CHARS_PER_TOKEN * limit:
            return StepScores((), Outcome.OUTPUT_LIMIT, too_long)
        steps = split_steps(answer, self.boundary)
        if not steps:
            return StepScores((), Outcome.NO_ANSWER, "there is no step")
        if len(steps) > self.max_steps:
            problem = f"{len(steps)} steps, more than the {self.max_steps} that are scored"
            return StepScores((), Outcome.OUTPUT_LIMIT, problem)
        try:
            if self._lazy.facts.head == "token":
                texts = [answer[step.start : step.end] for step in steps]
                plan = self._plan_tokens(classifier, messages, texts)
            else:
                plan = _plan_prefixes(classifier, messages, answer, [step.end for step in steps])
        except UnreadableRowError as error:
            return StepScores((), Outcome.UNSCORABLE, str(error))
        if any(row.cut_characters or len(row.ids) > limit for row in plan.rows):
            return StepScores((), Outcome.OUTPUT_LIMIT, too_long)
        return plan

    def _plan_tokens(
        self, classifier: "Classifier", messages: tuple[Message, ...], steps: list[str]
    ) -> _Plan:
        encoder = classifier.encoder
        separator = self._separator_ids(classifier)
        ids = list(encoder.encode_start(messages))
        if len(ids) + len(separator) >= encoder.max_tokens:
            raise UnreadableRowError(
                f"the prompt fills the model's window of {encoder.max_tokens} tokens alone"
            )
        ends: list[int] = []
        for step in steps:
            ids.extend(encoder.encode_piece(step))
            ids.extend(separator)
            ends.append(len(ids) - 1)
        return _Plan((EncodedRow(tuple(ids)),), (tuple(ends),))

    def _separator_ids(self, classifier: "Classifier") -> tuple[int, ...]:
        if self._lazy.facts.head != "token":
            return ()
        ids = classifier.encoder.encode_separator(self.separator)
        if not ids or classifier.encoder.unknown_id in ids:
            raise UsageError(
                f"the separator {self.separator!r} has no token of its own in this tokenizer",
                "the one that the model was trained with",
                "set separator=...",
            )
        return ids

    def _ask(self, classifier: "Classifier", plans: Sequence[_Plan]) -> list[list[float]]:
        """Return the logits of the steps of each plan, from one pass over all of them."""
        rows = [row for plan in plans for row in plan.rows]
        if self._lazy.facts.head == "token":
            positions = [position for plan in plans for position in plan.positions]
            return classifier.score_tokens(rows, positions)
        values = iter(classifier.score_sequences(rows))
        return [[next(values) for _ in plan.rows] for plan in plans]

    def _judge(self, scores: StepScores, seconds: float) -> Verdict:
        if scores.outcome is not None:
            return Verdict(0.0, False, scores.outcome, detail=scores.problem, seconds=seconds)
        reward = aggregate(scores.values, self.aggregation)
        correct = reward >= self.threshold
        steps = len(scores.values)
        parts = {"aggregate": reward, "steps": float(steps)}
        for number, value in enumerate(scores.values[:MOST_STEP_PARTS], 1):
            parts[f"step_{number}"] = value
        lowest = min(range(steps), key=scores.values.__getitem__)
        detail = f"step {lowest + 1} of {steps} is the lowest, {scores.values[lowest]:.3f}"
        outcome = Outcome.PASS if correct else Outcome.FAIL
        return Verdict(reward, correct, outcome, parts, detail=detail, seconds=seconds)


def _plan_prefixes(
    classifier: "Classifier", messages: tuple[Message, ...], answer: str, ends: Sequence[int]
) -> _Plan:
    rows: list[EncodedRow] = []
    # The longest first: where it does not fit, the rest need not be read.
    for end in reversed(ends):
        rows.append(classifier.encoder.encode(messages, answer[:end]))
        if rows[-1].cut_characters:
            break
    return _Plan(tuple(reversed(rows)), ())
