"""Whether the sampler's log-probabilities are those of the weights that it says it drew with."""

import torch
from transformers import PreTrainedModel

from gym_reason.trainers.distributed.shares import forward_passes
from gym_reason.trainers.distributed.world import ALONE
from gym_reason.trainers.model.batch import make_batch
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.rl.collect import Collected, Sample
from gym_reason.trainers.rollouts.staleness import token_versions
from gym_reason.trainers.session import Session

EPISODES = 16
"""How many episodes of a step are looked at."""


@torch.no_grad()
def measure_gap(
    session: Session, model: PreTrainedModel, collected: Collected, version: int
) -> float | None:
    """Return the mean distance of sampler and trainer on some episodes, in nats a token.

    Both have the same weights here. In the update the sampler's are older, and how far the policy
    has moved since says nothing of whether the sampler is right.

    Args:
        session: Whose trainer scores.
        model: Has the weights of `version`.
        collected: The episodes of a step; the first of this version alone are looked at.
        version: The weights.

    Returns:
        None where there is no such episode.
    """
    chosen = [sample for sample in collected.samples if _is_of(sample, version)][:EPISODES]
    traces = [trace for sample in chosen for trace in sample.trajectory.traces]
    if not traces:
        return None
    batch = make_batch(traces, session.learner.pad_id, session.learner.device)
    rows, limit = [list(range(len(batch)))], session.recipe.rl.micro_batch_tokens
    total = torch.zeros((), dtype=torch.float64, device=session.learner.device)
    for part in (one.batch for one in forward_passes(ALONE, batch, rows, limit)):
        with session.learner.mixed_precision():
            scores = score_tokens(
                model, part.ids_NL, session.recipe.sampling.temperature, part.start
            )
        total += ((scores.logps_NT - part.sampler_logps_NT).abs() * part.mask_NT).double().sum()
    return total.item() / max(batch.mask_NT.sum().item(), 1.0)


def _is_of(sample: Sample, version: int) -> bool:
    return not sample.expert and set(token_versions(sample.trajectory)) == {version}
