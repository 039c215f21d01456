"""Numbers that may tell what an example is worth, one of each kind for every example."""

import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from gym_reason.trainers.data.examples import Example
from gym_reason.trainers.data.rouge import RougePool, split_words
from gym_reason.trainers.data.scoring import OnProgress, Scorer, ignore_progress

Indicators: TypeAlias = Mapping[str, float]
REWARD = "reward"


def measure_indicators(
    scorer: Scorer,
    examples: Sequence[Example],
    rewards: Sequence[float] | None = None,
    on_progress: OnProgress = ignore_progress,
) -> list[dict[str, float]]:
    """Return the indicators of each example, in order.

    `response_length` and `prompt_length` are logarithms of one plus the tokens, `nll` the mean
    negative log-probability of the answer's tokens (the logarithm of its perplexity), `distinct`
    the share of different pairs of words in the answer, `rouge_diversity` one minus the highest
    ROUGE-L with the prompt of another example, and `reward` what `rewards` says, where it is given.
    """
    contexts = [scorer.context_ids(example.prompt) for example in examples]
    responses = [scorer.response_ids(example.response) for example in examples]
    nlls = scorer.sum_nlls(contexts, responses, on_progress)
    diversity = rouge_diversity([example.prompt_text for example in examples])
    measured = []
    for index, example in enumerate(examples):
        row = {
            "response_length": math.log1p(len(responses[index])),
            "prompt_length": math.log1p(len(contexts[index])),
            "nll": nlls[index] / len(responses[index]),
            "distinct": distinct_share(example.response),
            "rouge_diversity": diversity[index],
        }
        if rewards is not None:
            row[REWARD] = rewards[index]
        measured.append(row)
    return measured


def rouge_diversity(texts: Sequence[str]) -> list[float]:
    """Return one minus the highest ROUGE-L of each text with another one; 1 for a text alone."""
    pool = RougePool(texts)
    diversity = []
    for place, text in enumerate(texts):
        scores = pool.scores(text)
        scores[place] = 0.0
        diversity.append(1.0 - float(scores.max()))
    return diversity


def distinct_share(text: str) -> float:
    """Return the share of different ones among the pairs of neighbouring words; 1 without any."""
    words = split_words(text)
    pairs = [*itertools.pairwise(words)]
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def mean_indicators(rows: Sequence[Indicators]) -> dict[str, float]:
    """Return the mean of each indicator over the examples of a set."""
    return {name: sum(row[name] for row in rows) / len(rows) for name in rows[0]}
