"""InstructMining: rank examples by a fitted rule, and search how many of the best to train on.

Source: Cao et al. 2023, arXiv 2307.06290. Its second finding is that the loss on evaluation data
falls and then rises with the number of examples, so that the size has to be searched.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gym_reason.errors import RunError
from gym_reason.seeding import derive_rng
from gym_reason.trainers.data.brief_sft import BriefSettings, restored_weights, train_briefly
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.indicators import Indicators, mean_indicators
from gym_reason.trainers.data.loss_fit import LossFit, Measurement
from gym_reason.trainers.data.scoring import Scorer, make_trace
from gym_reason.types import TokenTrace

OnRun = Callable[[int, int], None]
"""Is told how many brief trainings of how many are done."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A number of best examples, and how well a model does that was trained on them."""

    size: int
    """How many."""
    eval_loss: float
    """Loss on the evaluation data, nats a token."""


def to_traces(scorer: Scorer, examples: Sequence[Example]) -> list[TokenTrace]:
    """Return the token streams that examples are trained on."""
    return [
        make_trace(
            scorer.context_ids(example.prompt), scorer.response_ids(example.response, end=True)
        )
        for example in examples
    ]


def eval_loss(scorer: Scorer, traces: Sequence[TokenTrace]) -> float:
    """Return the mean negative log-probability of the masked tokens of all rows."""
    starts = [trace.action_mask.index(True) for trace in traces]
    pairs = [(t.ids[:start], t.ids[start:]) for t, start in zip(traces, starts, strict=True)]
    sums = scorer.sum_nlls([context for context, _ in pairs], [rest for _, rest in pairs])
    return sum(sums) / sum(len(rest) for _, rest in pairs)


def measure_loss(
    scorer: Scorer,
    rows: Sequence[TokenTrace],
    held_out: Sequence[TokenTrace],
    brief: BriefSettings,
    seed: int,
) -> float:
    """Return the evaluation loss after a brief training on rows; the weights come back after it.

    Raises RunError where it is no positive number.
    """
    with restored_weights(scorer):
        train_briefly(scorer, rows, brief, seed)
        loss = eval_loss(scorer, held_out)
    if not (math.isfinite(loss) and loss > 0.0):
        raise RunError(f"the loss on the evaluation data is {loss}", "a positive number")
    return loss


def measure_subsets(
    scorer: Scorer,
    rows: Sequence[TokenTrace],
    indicators: Sequence[Indicators],
    held_out: Sequence[TokenTrace],
    brief: BriefSettings,
    runs: int,
    size: int,
    seed: int,
    on_run: OnRun = lambda done, total: None,
) -> list[Measurement]:
    """Return the measurements of `runs` subsets of `size` examples each.

    A subset is drawn around a random place in the order of one indicator, each in turn: subsets of
    the whole file would hardly differ, and there would be nothing to fit.
    """
    names = sorted(indicators[0])
    measurements = []
    for run in range(runs):
        chosen = draw_subset(indicators, names[run % len(names)], size, seed, run)
        loss = measure_loss(scorer, [rows[i] for i in chosen], held_out, brief, seed)
        measurements.append(Measurement(mean_indicators([indicators[i] for i in chosen]), loss))
        on_run(run + 1, runs)
    return measurements


def draw_subset(
    indicators: Sequence[Indicators], name: str, size: int, seed: int, run: int
) -> list[int]:
    """Return `size` of the examples of a window, twice as wide, in the order of an indicator."""
    rng = derive_rng(seed, "mine", "subset", run)
    order = sorted(range(len(indicators)), key=lambda index: (indicators[index][name], index))
    size = min(size, len(order))
    width = min(2 * size, len(order))
    start = int(rng.integers(len(order) - width + 1))
    window = order[start : start + width]
    return sorted(window[place] for place in rng.choice(width, size, replace=False).tolist())


def rank(fit: LossFit, indicators: Sequence[Indicators]) -> list[int]:
    """Return the examples by the loss that the rule expects of them, the least first."""
    expected = [fit.predict(row) for row in indicators]
    return sorted(range(len(expected)), key=lambda index: (expected[index], index))


def search_size(
    scorer: Scorer,
    ranked: Sequence[TokenTrace],
    held_out: Sequence[TokenTrace],
    brief: BriefSettings,
    sizes: Sequence[int],
    rounds: int,
    seed: int,
    on_run: OnRun = lambda done, total: None,
) -> list[Trial]:
    """Return the trials of a search for the number of best examples to train on, by size.

    Every size of `sizes` is tried; then `rounds` times the sizes between the best one and its
    neighbours, halfway by ratio.
    """
    trials: dict[int, Trial] = {}
    most = len(sizes) + 2 * rounds

    def attempt(size: int) -> None:
        if size not in trials:
            loss = measure_loss(scorer, ranked[:size], held_out, brief, seed)
            trials[size] = Trial(size, loss)
            on_run(len(trials), most)

    for size in sizes:
        attempt(min(size, len(ranked)))
    for _ in range(rounds):
        tried = sorted(trials)
        best = choose_size([*trials.values()])
        place = tried.index(best)
        for neighbour in tried[max(place - 1, 0) : place + 2]:
            attempt(round(math.sqrt(best * neighbour)))
    return [trials[size] for size in sorted(trials)]


def choose_size(trials: Sequence[Trial]) -> int:
    """Return the size with the least loss, the smallest of several."""
    return min(trials, key=lambda trial: (trial.eval_loss, trial.size)).size


def default_sizes(count: int) -> list[int]:
    """Return sizes to begin a search with: all examples, half of them and so on, six at most."""
    return sorted({max(count >> halvings, 1) for halvings in range(6)})
