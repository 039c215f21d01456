"""Against the real package, every generator of it; skipped where it is not installed."""

import copy
import inspect
import re
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gym_reason
from gym_reason.envs.base import ReasoningEnv, sample_tasks, unwrap
from gym_reason.envs.check import check
from gym_reason.envs.interop.answer_guard import FORMULA_SCORERS, LITERAL_SCORERS, is_harmless
from gym_reason.envs.interop.reasoning_gym import ReasoningGymVerifier, extract_answer
from gym_reason.errors import UsageError
from gym_reason.types import Message, Outcome, Task

theirs: Any = pytest.importorskip("reasoning_gym", reason="pip install 'gym-reason[reasoning-gym]'")
# It leaves a file open, and says so when it is collected.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
ENV_ID = "gym_reason/ReasoningGym-v0"
DATASETS = sorted(theirs.factory.DATASETS)
SLOW = {"arc_agi", "knight_swap"}
"""Their first entry takes seconds; one test has them."""
COMPOSITE = {"datasets": [{"name": "chain_sum", "weight": 1}, {"name": "puzzle24", "weight": 1}]}


@cache
def opened(dataset: str) -> ReasoningEnv:
    config: dict[str, Any] = COMPOSITE if dataset == "composite" else {}
    return unwrap(
        gym_reason.make(ENV_ID, dataset=dataset, dataset_seed=3, size=20, split="all", **config)
    )


@cache
def theirs_opened(dataset: str) -> Any:
    config: dict[str, Any] = {}
    if dataset == "composite":
        spec = theirs.composite.DatasetSpec
        config = {"datasets": [spec(**one, config={}) for one in COMPOSITE["datasets"]]}
    return theirs.create_dataset(dataset, seed=3, size=20, **config)


def compare(dataset: str, index: int, answer: str) -> None:
    """Compare our score with the package's own, and see that nothing about the task is changed."""
    env, scorer = opened(dataset), theirs_opened(dataset)
    task = env.make_task(index)  # type: ignore[attr-defined]
    entry = copy.deepcopy(scorer[index])
    assert task.prompt[-1].content == entry["question"]
    verdict = env.verifier.verify(task, f"<think>Hm.</think><answer>{answer}</answer>")
    inner = entry["metadata"].get("source_dataset", dataset)
    if not extract_answer(answer) or not is_harmless(inner, answer.strip()):
        assert verdict.reward == 0.0
        return
    try:
        expected = float(scorer.score_answer(answer.strip(), entry))
    except Exception:
        assert (verdict.reward, verdict.outcome) == (0.0, Outcome.INVALID)
        return
    assert verdict.reward == expected
    assert verdict.correct == (expected >= 1.0)


@pytest.mark.parametrize("dataset", [name for name in DATASETS if name not in SLOW])
@settings(max_examples=2, derandomize=True)
@given(index=st.integers(0, 1), data=st.data())
def test_every_generator_is_scored_as_by_its_own_scorer(
    dataset: str, index: int, data: st.DataObject
) -> None:
    reference = opened(dataset).make_task(index).reference  # type: ignore[attr-defined]
    cut = data.draw(st.integers(0, len(reference)))
    other = opened(dataset).make_task(1 - index).reference  # type: ignore[attr-defined]
    answers = st.sampled_from([reference, reference[:cut], reference + " ", other, "1", "no"])
    compare(dataset, index, reference)
    compare(
        dataset, index, data.draw(answers | st.text(max_size=30).filter(lambda s: "<" not in s))
    )


@pytest.mark.parametrize("dataset", sorted(SLOW))
@pytest.mark.slow
def test_the_slow_generators_are_scored_as_by_their_own_scorer(dataset: str) -> None:
    for index in (0, 1):
        compare(dataset, index, opened(dataset).make_task(index).reference)  # type: ignore[attr-defined]
        compare(dataset, index, "no")


def test_just_the_scorers_that_evaluate_answers_are_guarded() -> None:
    evaluate = re.compile(r"\b(?:eval|exec|parse_expr|sympify|parse_latex)\((?!entry|metadata)\w*")
    found = set()
    for name, (kind, _) in theirs.factory.DATASETS.items():
        body = inspect.getsource(kind.score_answer)
        if name != "composite" and any("answer" in hit for hit in evaluate.findall(body)):
            found.add(name)
    assert found == LITERAL_SCORERS | FORMULA_SCORERS


def test_the_contract_holds() -> None:
    report = check(ENV_ID)
    assert report.ok, [item for item in report.checks if not item.ok]


def test_settings_reach_the_generator_and_wrong_ones_are_refused() -> None:
    env = gym_reason.make(ENV_ID, dataset="chain_sum", min_terms=2, max_terms=2)
    env.reset(seed=0)
    assert (
        unwrap(env).task.prompt[0].content.count(" + ")
        + unwrap(env).task.prompt[0].content.count(" - ")
        == 1
    )
    with pytest.raises(UsageError, match="did you mean 'chain_sum'"):
        gym_reason.make(ENV_ID, dataset="chain_sums")
    with pytest.raises(UsageError, match="chain_sum refused its settings"):
        gym_reason.make(ENV_ID, dataset="chain_sum", wings=2)
    with pytest.raises(UsageError, match="refused its settings"):
        gym_reason.make(ENV_ID, dataset="chain_sum", min_terms=-1)
    with pytest.raises(UsageError, match="values that JSON has"):
        gym_reason.make(ENV_ID, dataset="chain_sum", min_terms={1})
    with pytest.raises(UsageError, match="a whole number"):
        gym_reason.make(ENV_ID, dataset="chain_sum", size=0)


def test_a_task_of_another_version_is_unscorable() -> None:
    env = opened("chain_sum")
    task = env.make_task(0)  # type: ignore[attr-defined]
    other = Task(task.id, (Message("user", "2 + 2 ="),), "4", meta=task.meta)
    assert env.verifier.verify(other, "4").outcome is Outcome.UNSCORABLE
    for meta in ({}, {**task.meta, "index": "x"}, {**task.meta, "dataset": "no"}):
        wrong = Task("x", task.prompt, "4", meta=meta)
        assert ReasoningGymVerifier().verify(wrong, "4").outcome is Outcome.UNSCORABLE


def test_hostile_answers_are_not_evaluated() -> None:
    env = opened("countdown")
    task = env.make_task(0)  # type: ignore[attr-defined]
    verdict = env.verifier.verify(task, "__import__('os').abort()")
    assert verdict.outcome is Outcome.INVALID


def test_drawing_does_not_disturb_numpy() -> None:
    np.random.seed(5)
    expected = np.random.random()
    np.random.seed(5)
    sample_tasks(opened("rotate_matrix"), 3, seed=1)
    opened("binary_alternation").make_task(2)  # type: ignore[attr-defined]
    assert np.random.random() == expected
