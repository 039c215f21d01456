"""Every generator of the package `reasoning-gym` as an environment, scored by its own scorer."""

import copy
import importlib
import json
import math
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import numpy as np

from gym_reason.envs.base import ReasoningEnv, check_choice, check_integer
from gym_reason.envs.interop.answer_guard import is_harmless
from gym_reason.envs.interop.packages import require_package
from gym_reason.errors import UsageError
from gym_reason.registry import register_verifier
from gym_reason.seeding import content_id
from gym_reason.text import after_thinking
from gym_reason.types import Json, Message, Outcome, Task, Verdict
from gym_reason.verifiers.base import Verifier

ANSWER_OPEN, ANSWER_CLOSE = "<answer>", "</answer>"
MAX_SIZE = 10**9


class ReasoningGym(ReasoningEnv):
    """Solve the problems of one generator of reasoning-gym.

    `dataset` names the generator, and its own settings are further arguments. The tasks are its
    entries 0 to `size` - 1 under `dataset_seed`, so that they are those of
    `reasoning_gym.create_dataset(dataset, seed=dataset_seed, size=size, ...)`. The answer is what
    follows the thoughts, or what stands between `<answer>` and `</answer>` there.
    """

    heavy = True
    max_length = 131_072

    def __init__(
        self,
        *,
        dataset: str = "chain_sum",
        dataset_seed: int = 0,
        size: int = 100_000,
        system: str = "",
        verifier: Verifier | str | None = None,
        split: str = "train",
        max_turns: int = 1,
        gamma: float = 1.0,
        render_mode: str | None = None,
        **config: Any,
    ) -> None:
        """Make the environment.

        Args:
            dataset: Name of the generator.
            dataset_seed: Seed of the generator; entry i depends on this and on i.
            size: How many entries there are to draw from.
            system: System message before every prompt; empty for none.
            verifier: What scores an answer; None for the generator's own scorer.
            split: `train`, `test` or `all`.
            max_turns: Actions after which an episode is truncated.
            gamma: Discount of the MDP.
            render_mode: `ansi` or None.
            config: Settings of the generator.

        Raises:
            UsageError: Without the package, for an unknown generator, or for settings that it
                refuses.
        """
        check_choice("dataset", dataset, list_datasets())
        self.dataset = dataset
        self.system = system
        source: dict[str, Json] = {
            "dataset": dataset,
            "dataset_seed": check_integer("dataset_seed", dataset_seed, 0, 2**31),
            "size": check_integer("size", size, 1, MAX_SIZE),
            "config": config,
        }
        try:
            self._source = json.dumps(source, sort_keys=True)
        except (TypeError, ValueError) as error:
            raise UsageError(f"settings of {dataset}: {error}", "values that JSON has") from None
        self._size = size
        _open_dataset(self._source)
        super().__init__(
            verifier=verifier or ReasoningGymVerifier(),
            split=split,
            max_turns=max_turns,
            gamma=gamma,
            render_mode=render_mode,
        )

    def sample_task(self, rng: np.random.Generator) -> Task:
        """Return an entry drawn with `rng`."""
        return self.make_task(int(rng.random() * self._size))

    def make_task(self, index: int) -> Task:
        """Return entry `index` as a task; its name depends on its question alone."""
        entry = _read_entry(self._source, index)
        question, answer = str(entry["question"]), entry["answer"]
        system = (Message("system", self.system),) if self.system else ()
        return Task(
            id=f"{self.dataset}-{content_id(question)}",
            prompt=(*system, Message("user", question)),
            reference="" if answer is None else str(answer),
            meta={**json.loads(self._source), "index": index},
        )

    def demonstrate(self, task: Task, thinking: bool = True) -> tuple[str, ...]:
        """Return the entry's answer. Raises UsageError where the generator gives none."""
        if not task.reference:
            raise UsageError(
                f"{self.dataset} gives no answer to task {task.id}",
                "a generator with answers for a demonstration",
            )
        return super().demonstrate(task, thinking)


@register_verifier("reasoning_gym")
class ReasoningGymVerifier:
    """Scores an answer exactly as the generator's own `score_answer` does.

    It runs the package's code in this process. What could be more than an answer to a scorer that
    evaluates it is `invalid`.
    """

    name = "reasoning_gym"
    audit_family = "any"

    def verify(self, task: Task, submission: str) -> Verdict:
        """Return the verdict on `submission`; it passes with the full score alone."""
        answer = extract_answer(submission)
        if not answer:
            return Verdict(0.0, False, Outcome.NO_ANSWER, feedback="there is no answer")
        try:
            source, index = _read_source(task)
            entry = copy.deepcopy(_read_entry(source, index))
            scorer = _open_dataset(source)
        except Exception as error:  # The package is anybody's code, and the task anybody's row.
            return _blame_us(f"the entry cannot be made: {type(error).__name__}: {error}")
        if str(entry["question"]) != task.prompt[-1].content:
            return _blame_us("this version of reasoning-gym makes another problem of this entry")
        dataset = str(task.meta["dataset"])
        inner = entry["metadata"].get("source_dataset") if dataset == "composite" else dataset
        if not is_harmless(str(inner), answer):
            return Verdict(
                0.0, False, Outcome.INVALID, feedback="the answer holds more than values"
            )
        try:
            score = float(scorer.score_answer(answer, entry))
        except Exception as error:  # Several scorers raise for answers of the wrong form.
            detail = f"its scorer raised {type(error).__name__}: {error}"
            return Verdict(0.0, False, Outcome.INVALID, detail=detail)
        if not math.isfinite(score):
            return _blame_us(f"its scorer said {score}")
        correct = score >= 1.0
        return Verdict(score, correct, Outcome.PASS if correct else Outcome.FAIL)


def extract_answer(submission: str) -> str:
    """Return the last tagged answer after the thoughts, or else all that follows them."""
    text = after_thinking(submission) or ""
    start = text.rfind(ANSWER_OPEN)
    if start >= 0:
        text = text[start + len(ANSWER_OPEN) :].partition(ANSWER_CLOSE)[0]
    return text.strip()


def list_datasets() -> list[str]:
    """Return the names of the generators. Raises UsageError without the package."""
    require_package("reasoning_gym", "reasoning-gym", "reasoning-gym")
    factory = require_package("reasoning_gym.factory", "reasoning-gym", "reasoning-gym")
    return sorted(factory.DATASETS)


def _blame_us(detail: str) -> Verdict:
    return Verdict(0.0, False, Outcome.UNSCORABLE, detail=detail)


def _read_source(task: Task) -> tuple[str, int]:
    index = task.meta["index"]
    if isinstance(index, bool) or not isinstance(index, int):
        raise UsageError(f"index = {index!r} of task {task.id}", "a whole number")
    keys = ("dataset", "dataset_seed", "size", "config")
    return json.dumps({key: task.meta[key] for key in keys}, sort_keys=True), index


@lru_cache(maxsize=256)
def _open_dataset(source: str) -> Any:
    facts: Mapping[str, Any] = json.loads(source)
    package = require_package("reasoning_gym", "reasoning-gym", "reasoning-gym")
    seed, size = facts["dataset_seed"], facts["size"]
    config = facts["config"]
    try:
        if facts["dataset"] == "composite":  # Its parts are objects of a class of its own.
            spec = importlib.import_module("reasoning_gym.composite").DatasetSpec
            parts = [spec(**{"config": {}, **part}) for part in config.get("datasets", ())]
            config = {**config, "datasets": parts}
        return package.create_dataset(facts["dataset"], seed=seed, size=size, **config)
    except (AssertionError, TypeError, ValueError) as error:
        raise UsageError(
            f"{facts['dataset']} refused its settings: {error}", "settings that it takes"
        ) from error


@lru_cache(maxsize=4096)
def _read_entry(source: str, index: int) -> dict[str, Any]:
    # Some generators draw with numpy's global generator, which they seed: it is not theirs alone.
    state = np.random.get_state()
    try:
        entry: dict[str, Any] = _open_dataset(source)[index]
    finally:
        np.random.set_state(state)
    return entry
