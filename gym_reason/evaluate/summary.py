"""The figures of an evaluation. What our side failed to judge is counted apart, in no mean."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from gym_reason.evaluate.results import NO_ROOM, Contestant, EpisodeResult
from gym_reason.overthinking import Sample, lengths_by_correctness
from gym_reason.stats import (
    Z_95,
    best_of_k,
    clustered_error,
    interval_over_tasks,
    majority_at_k,
    pass_at_k,
)


@dataclass(frozen=True, slots=True)
class EvalSummary:
    """What an evaluation found of one agent in one environment."""

    env: str
    """The environment."""
    policy: str
    """Who acted."""
    agent: str
    """The agent around the policy."""
    tasks: int
    """How many tasks."""
    samples: int
    """Episodes a task that were asked for."""
    completed: int
    """Episodes that were played and judged."""
    accuracy: float | None
    """Mean over tasks of the share of right episodes; None where nothing could be judged."""
    interval: tuple[float, float]
    """95% interval of the accuracy, over tasks."""
    reward: float | None
    """Mean over tasks of the mean return."""
    reward_interval: tuple[float, float] | None
    """Its 95% interval, over tasks; None with fewer than two."""
    pass_at: dict[str, float] = field(default_factory=dict)
    """Unbiased pass@k for each k asked for."""
    majority_at: dict[str, float] = field(default_factory=dict)
    """How often the most frequent answer of k is right."""
    likeliest_of: dict[str, float] = field(default_factory=dict)
    """How often the answer of k is right that the policy itself found likeliest."""
    best_of: dict[str, float] = field(default_factory=dict)
    """Expected highest return of k."""
    tokens: float = 0.0
    """Mean tokens of an episode."""
    truncated: float = 0.0
    """Share of the episodes whose policy was cut by a limit on tokens."""
    lengths: dict[str, float | None] = field(default_factory=dict)
    """Mean tokens of the `correct`, `incorrect` and `truncated` episodes."""
    thoughts: int = 0
    """Episodes in which a thought was ended on the way."""
    latency: dict[str, float] = field(default_factory=dict)
    """`median_s` and `p95_s`: seconds of an episode, played among all the others."""
    rounds: tuple[float, ...] = ()
    """Accuracy of the first answer, of the second and so on; an episode that stopped counts with
    its last one. One entry where no agent bettered its answer."""
    fixed: float = 0.0
    """Share of the episodes whose first answer was wrong that end with a right one."""
    broken: float = 0.0
    """Share of the episodes whose first answer was right that end with a wrong one."""
    outcomes: dict[str, int] = field(default_factory=dict)
    """How many episodes ended in each outcome."""
    unscorable: int = 0
    """Episodes that our side failed to judge; they count neither for nor against."""
    error: str = ""
    """What broke first on our side."""
    without_room: int = 0
    """Episodes, counted as wrong, whose prompt left the policy no token to answer with."""
    unreadable: int = 0
    """Tasks with characters that the policy's tokenizer has no token for."""
    repeated: int = 0
    """Tasks that were left out because another one is the same."""
    oracle: bool = False
    """Whether the agent heard the reference: no fair comparison for one that did not."""
    seconds: float = 0.0
    """Time spent, in this run."""


def group_by_task(results: Iterable[EpisodeResult]) -> dict[str, list[EpisodeResult]]:
    """Return the results of each task, in the order of their numbers."""
    tasks: dict[str, list[EpisodeResult]] = {}
    for result in results:
        tasks.setdefault(result.key, []).append(result)
    return {key: sorted(own, key=lambda one: one.sample) for key, own in tasks.items()}


def summarise(
    who: Contestant, results: Sequence[EpisodeResult], samples: int, ks: Sequence[int]
) -> EvalSummary:
    """Return the figures of one agent in one environment.

    Args:
        who: Who acted where.
        results: Every episode, those that could not be judged among them.
        samples: Episodes a task that were asked for.
        ks: The k of pass@k and its kin; a task with fewer judged episodes is left out of those.
    """
    scored = [result for result in results if result.correct is not None]
    tasks = list(group_by_task(scored).values())
    means = [share_right(own) for own in tasks]
    rewards = [statistics.fmean(one.reward for one in own) for own in tasks]
    reward = statistics.fmean(rewards) if rewards else None
    outcomes = Counter(result.outcome for result in results)
    rounds = [result.rounds for result in scored]
    return EvalSummary(
        env=who.env,
        policy=who.policy,
        agent=who.agent,
        tasks=len({result.key for result in results}),
        samples=samples,
        completed=len(scored),
        accuracy=statistics.fmean(means) if means else None,
        interval=interval_over_tasks(means),
        reward=reward,
        reward_interval=_mean_interval(reward, rewards),
        pass_at=_at_each(ks, tasks, _pass_at),
        majority_at=_at_each(ks, tasks, _majority_at),
        likeliest_of=_at_each(ks, [own for own in tasks if _have_likelihoods(own)], _likeliest_of),
        best_of=_at_each(ks, tasks, _best_of),
        tokens=_mean(result.tokens for result in scored),
        truncated=_mean(result.truncated for result in scored),
        lengths=lengths_by_correctness([list(map(sample_of, own)) for own in tasks]),
        thoughts=sum(result.thought for result in scored),
        latency=measure_latency([result.seconds for result in scored]),
        rounds=accuracy_by_round(rounds),
        fixed=_mean(judged[-1] for judged in rounds if not judged[0]),
        broken=_mean(not judged[-1] for judged in rounds if judged[0]),
        outcomes=dict(sorted(outcomes.items())),
        unscorable=len(results) - len(scored),
        error=next((result.error for result in results if result.error), ""),
        without_room=outcomes[NO_ROOM],
    )


def sample_of(result: EpisodeResult) -> Sample:
    """Return an episode as a sample of a study of lengths."""
    return Sample(result.tokens, bool(result.correct), result.truncated)


def share_right(episodes: Sequence[EpisodeResult]) -> float:
    """Return the share of right episodes among some that could be judged."""
    return _mean(bool(one.correct) for one in episodes)


def accuracy_by_round(rounds: Sequence[Sequence[bool]]) -> tuple[float, ...]:
    """Return the accuracy of the first answer, of the second and so on.

    An episode that stopped earlier counts with its last one.
    """
    longest = max(map(len, rounds), default=0)
    return tuple(
        _mean(judged[min(at, len(judged) - 1)] for judged in rounds) for at in range(longest)
    )


def measure_latency(seconds: Sequence[float]) -> dict[str, float]:
    """Return the median and the 95th percentile, the least value that 95% do not exceed."""
    if not seconds:
        return {}
    ordered = sorted(seconds)
    at = -(-95 * len(ordered) // 100) - 1
    return {"median_s": statistics.median(ordered), "p95_s": ordered[at]}


def _at_each(
    ks: Sequence[int],
    tasks: Sequence[Sequence[EpisodeResult]],
    measure: Callable[[Sequence[EpisodeResult], int], float],
) -> dict[str, float]:
    """Return the mean of a figure over the tasks with enough episodes, for each k that has any."""
    found = {str(k): [measure(own, k) for own in tasks if len(own) >= k] for k in ks}
    return {k: statistics.fmean(values) for k, values in found.items() if values}


def _pass_at(episodes: Sequence[EpisodeResult], k: int) -> float:
    return pass_at_k(len(episodes), sum(bool(one.correct) for one in episodes), k)


def _majority_at(episodes: Sequence[EpisodeResult], k: int) -> float:
    wrong = [one.answer for one in episodes if not one.correct]
    counts = Counter(filter(None, wrong))
    right = len(episodes) - len(wrong)
    return majority_at_k(right, list(counts.values()), wrong.count(""), k)


def _have_likelihoods(episodes: Sequence[EpisodeResult]) -> bool:
    return all(one.likelihood is not None for one in episodes)


def _likeliest_of(episodes: Sequence[EpisodeResult], k: int) -> float:
    scores = [one.likelihood or 0.0 for one in episodes]
    return best_of_k([float(bool(one.correct)) for one in episodes], scores, k)


def _best_of(episodes: Sequence[EpisodeResult], k: int) -> float:
    rewards = [one.reward for one in episodes]
    return best_of_k(rewards, rewards, k)


def _mean_interval(mean: float | None, values: Sequence[float]) -> tuple[float, float] | None:
    if mean is None or len(values) < 2:
        return None
    half = Z_95 * clustered_error([[value] for value in values])
    return mean - half, mean + half


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found) if found else 0.0
