"""Studies of length: does a policy think too little or too much, and what does a budget buy."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from gym_reason import overthinking
from gym_reason.evaluate.results import EpisodeResult
from gym_reason.evaluate.summary import group_by_task, sample_of
from gym_reason.overthinking import Sample
from gym_reason.records import to_json
from gym_reason.stats import majority_at_k

LEAST_BUDGET = 16
Share = Literal["tokens", "latency"]
SHARES: tuple[Share, ...] = ("tokens", "latency")


def samples_by_task(results: Sequence[EpisodeResult]) -> list[list[Sample]]:
    """Return the samples of each task that could be judged, in the order of their numbers."""
    judged = [result for result in results if result.correct is not None]
    return [list(map(sample_of, own)) for own in group_by_task(judged).values()]


def study_length(results: Sequence[EpisodeResult]) -> dict[str, Any]:
    """Return how length goes with being right: one agent's report of over- and underthinking.

    Source: arXiv 2505.00127, which draws ten samples a task.
    """
    tasks = samples_by_task(results)
    strata = overthinking.lengths_by_difficulty(tasks)
    study = {
        "by_rank": overthinking.lengths_by_rank(tasks),
        "ranks": overthinking.ranks_of_extremes(tasks),
        "by_correctness": overthinking.lengths_by_correctness(tasks),
        "by_difficulty": strata,
        "lengthening": overthinking.lengthening(strata),
        "truncated": overthinking.share_truncated(tasks),
        "accuracy_by_budget": overthinking.accuracy_by_budget(tasks, choose_budgets(results)),
    }
    found: dict[str, Any] = to_json(study)
    return found


def study_thinking(
    results: Sequence[EpisodeResult], budgets: Sequence[int]
) -> dict[str, list[dict[str, float]]]:
    """Return what budgets buy, shared by samples one after another or given to each side by side.

    `solved` is the share of tasks with a right answer within the budget, which a verifier would
    find; `elected` that of tasks whose most frequent answer is right.
    Source: equal budgets and equal latency as in arXiv 2504.09858.

    Args:
        results: The episodes of one agent.
        budgets: In tokens; the same for all that are compared.
    """
    judged = [result for result in results if result.correct is not None]
    tasks = list(group_by_task(judged).values())
    return {share: [_buy(tasks, budget, share) for budget in budgets] for share in SHARES}


def choose_budgets(results: Sequence[EpisodeResult]) -> list[int]:
    """Return budgets in powers of two, up to one that holds all samples of any task."""
    tasks = group_by_task(results).values()
    most = max((sum(one.tokens for one in own) for own in tasks), default=0)
    budgets = [LEAST_BUDGET]
    while budgets[-1] < most:
        budgets.append(2 * budgets[-1])
    return budgets


def _buy(tasks: Sequence[Sequence[EpisodeResult]], budget: int, of: Share) -> dict[str, float]:
    solved = elected = samples = 0.0
    for own in tasks:
        lengths = [Sample(one.tokens, bool(one.correct)) for one in own]
        bought = [own[index] for index in overthinking.within_budget(lengths, budget, of)]
        solved += any(one.correct for one in bought)
        elected += _share_elected(bought)
        samples += len(bought)
    count = max(len(tasks), 1)
    return {
        "budget": budget,
        "solved": solved / count,
        "elected": elected / count,
        "samples": samples / count,
    }


def _share_elected(bought: Sequence[EpisodeResult]) -> float:
    if not bought:
        return 0.0
    wrong = [one.answer for one in bought if not one.correct]
    votes: Mapping[str, int] = Counter(filter(None, wrong))
    right = len(bought) - len(wrong)
    return majority_at_k(right, list(votes.values()), wrong.count(""), len(bought))
