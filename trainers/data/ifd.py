"""Instruction-following difficulty: how much an instruction helps a model to its answer.

Source: Li et al. 2023, arXiv 2308.12032, equations 2 to 4. With `s` the mean negative
log-probability of the answer's tokens, the score is `s(A|Q) / s(A)`. Near 0 the instruction says it
all; near 1 it says nothing, and the example is hard; above 1 it misleads, and the example goes.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from gym_reason.trainers.data.brief_sft import BriefSettings, train_briefly
from gym_reason.trainers.data.clusters import find_clusters, sample_clusters
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.scoring import OnProgress, Scorer, ignore_progress, make_trace

MISLEADING = "the instruction hurts (IFD above 1)"
NOT_FINITE = "a score that is not finite"
NOT_CHOSEN = "below the share that is kept"


@dataclass(frozen=True, slots=True)
class PreExperience:
    """A brief training before the scores are taken, so that the model knows what an answer is."""

    clusters: int = 100
    """Clusters of the mean hidden states of the prompts."""
    each: int = 10
    """Examples of each cluster."""
    brief: BriefSettings = field(default_factory=BriefSettings)
    """The training."""


@dataclass(frozen=True, slots=True)
class Scored:
    """An example and its score."""

    example: Example
    """The example."""
    ifd: float
    """`s(A|Q) / s(A)`."""
    with_prompt: float
    """`s(A|Q)`, nats a token."""
    alone: float
    """`s(A)`, nats a token."""


def select(
    scorer: Scorer,
    examples: Sequence[Example],
    keep: float,
    log: DropLog,
    *,
    pre_experience: PreExperience | None = None,
    seed: int = 0,
    on_progress: OnProgress = ignore_progress,
) -> list[Scored]:
    """Return the hardest examples whose instruction helps, the hardest first.

    Args:
        scorer: The model; `pre_experience` changes its weights.
        examples: From a file.
        keep: Share, in (0, 1], of the examples that have a score.
        log: Takes what is dropped.
        pre_experience: A brief training before; None for none.
        seed: Of the brief training's draws.
        on_progress: Told of every forward pass.
    """
    readable = find_readable(scorer, examples, log)
    if pre_experience is not None and readable:
        gain_experience(scorer, readable, pre_experience, seed)
    scored = score(scorer, readable, log, on_progress)
    helped = []
    for item in scored:
        if item.ifd > 1.0:
            log.add(item.example.where, MISLEADING, item.example.row, f"{item.ifd:.4f}")
        else:
            helped.append(item)
    helped.sort(key=lambda item: -item.ifd)  # stable: equal scores stay in the order of the file
    count = math.ceil(keep * len(scored))
    for item in helped[count:]:
        log.add(item.example.where, NOT_CHOSEN, item.example.row, f"{item.ifd:.4f}")
    return helped[:count]


def find_readable(scorer: Scorer, examples: Sequence[Example], log: DropLog) -> list[Example]:
    """Return the examples that the model can read; the others go into `log`."""
    readable = []
    for example in examples:
        context = scorer.context_ids(example.prompt)
        reason, detail = scorer.find_obstacle(context, scorer.response_ids(example.response))
        if reason:
            log.add(example.where, reason, example.row, detail)
        else:
            readable.append(example)
    return readable


def score(
    scorer: Scorer,
    examples: Sequence[Example],
    log: DropLog,
    on_progress: OnProgress = ignore_progress,
) -> list[Scored]:
    """Return the score of each example, in order; one that is not finite goes into `log`."""
    responses = [scorer.response_ids(example.response) for example in examples]
    contexts = [scorer.context_ids(example.prompt) for example in examples]
    alone = [scorer.context_ids(())] * len(examples)
    sums = scorer.sum_nlls([*contexts, *alone], [*responses, *responses], on_progress)
    scored: list[Scored] = []
    for index, example in enumerate(examples):
        count = len(responses[index])
        conditioned, free = sums[index] / count, sums[len(examples) + index] / count
        if contexts[index] == alone[index]:
            conditioned = free  # the same tokens, whatever other batches round them to
        ratio = ratio_of(conditioned, free)
        if math.isfinite(ratio):
            scored.append(Scored(example, ratio, conditioned, free))
        else:
            log.add(example.where, NOT_FINITE, example.row, f"{conditioned} / {free}")
    return scored


def ratio_of(conditioned: float, alone: float) -> float:
    """Return the score of two mean negative log-probabilities; NaN where there is none."""
    return conditioned / alone if alone > 0.0 else math.nan


def gain_experience(
    scorer: Scorer, examples: Sequence[Example], settings: PreExperience, seed: int
) -> list[Example]:
    """Train the model briefly on a few examples of each cluster of prompts, and return them."""
    contexts = [scorer.context_ids(example.prompt) for example in examples]
    cluster_N = find_clusters(scorer.mean_hidden(contexts), settings.clusters, seed)
    chosen = sample_clusters(cluster_N, settings.each, seed)
    traces = [
        make_trace(contexts[row], scorer.response_ids(examples[row].response, end=True))
        for row in chosen
    ]
    train_briefly(scorer, traces, settings.brief, seed)
    return [examples[row] for row in chosen]
