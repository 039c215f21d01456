"""What preference losses read of the policy and its reference, for the rows of a forward pass."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedModel

from gym_reason.trainers.distillation.logits import by_chunks, token_logits
from gym_reason.trainers.distributed.shares import Pass, forward_passes, share_micro_batches
from gym_reason.trainers.distributed.world import World
from gym_reason.trainers.formulas.preference import (
    PreferenceLoss,
    PreferenceNumbers,
    Responses,
)
from gym_reason.trainers.formulas.preference_tokens import position_kl, token_contrast
from gym_reason.trainers.model.batch import TokenBatch
from gym_reason.trainers.model.learner import Learner
from gym_reason.trainers.model.logprobs import score_logits, score_tokens
from gym_reason.trainers.preference.examples import Dataset


@dataclass(frozen=True, slots=True)
class Scorer:
    """How the rows of a loss are scored."""

    learner: Learner
    """The policy."""
    loss: PreferenceLoss
    """What is to be read."""
    numbers: PreferenceNumbers
    """The loss's numbers."""
    reference: PreTrainedModel | None = None
    """The reference, where whole distributions of it are read."""

    def responses(self, part: Dataset, draws_NT: torch.Tensor | None) -> Responses:
        """Return the rows of some examples, with the gradient of the policy.

        Args:
            part: The examples of one forward pass.
            draws_NT: A uniform number a token, where the loss contrasts tokens.
        """
        streams = self._streams(part.batch, draws_NT)
        index_EK, valid_EK = _places(part)

        def to_examples(stream_NT: torch.Tensor | None) -> torch.Tensor | None:
            if stream_NT is None:
                return None
            return stream_NT[index_EK] * valid_EK[..., None]

        logps_EKT, mask_EKT = to_examples(streams[0]), to_examples(part.batch.mask_NT)
        assert logps_EKT is not None
        assert mask_EKT is not None
        return Responses(
            logps_EKT=logps_EKT,
            mask_EKT=mask_EKT,
            scores_EK=part.scores_N[index_EK] * valid_EK,
            ref_logps_EKT=to_examples(part.ref_logps_NT),
            kl_EKT=to_examples(streams[1]),
            contrast_EKT=to_examples(streams[2]),
        )

    def _streams(
        self, batch: TokenBatch, draws_NT: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Return log-probabilities and, where the loss needs them, divergences and contrasts."""
        model, needs = self.learner.model, self.loss.needs
        with self.learner.mixed_precision():
            if "kl" not in needs and "contrast" not in needs:
                return score_tokens(model, batch.ids_NL, start=batch.start).logps_NT, None, None
            return self._full_streams(batch, draws_NT)

    def _full_streams(
        self, batch: TokenBatch, draws_NT: torch.Tensor | None
    ) -> tuple[torch.Tensor, torch.Tensor | None, torch.Tensor | None]:
        """Read whole distributions, at the tokens of responses alone."""
        needs, numbers = self.loss.needs, self.numbers
        index_M = (batch.mask_NT[:, batch.start :] > 0).flatten().nonzero().squeeze(-1)
        targets_M = batch.ids_NL[:, 1 + batch.start :].flatten()[index_M]
        width = self.learner.model.config.get_text_config().vocab_size
        policy = token_logits(self.learner.model, batch, index_M, width)
        tensors = [policy.states_MC, targets_M]
        ref = None
        if "kl" in needs:
            assert self.reference is not None
            with torch.no_grad():
                ref = token_logits(self.reference, batch, index_M, width)
            tensors.append(ref.states_MC)
        if "contrast" in needs:
            assert draws_NT is not None
            tensors.append(draws_NT[:, batch.start :].flatten()[index_M])

        def read(
            states_KC: torch.Tensor, targets_K: torch.Tensor, other_K: torch.Tensor
        ) -> tuple[torch.Tensor, ...]:
            logits_KV = policy.of(states_KC)
            logps_K, _ = score_logits(logits_KV, targets_K, 1.0, False)
            if ref is not None:
                return logps_K, position_kl(logits_KV, ref.of(other_K))
            contrast_K = token_contrast(
                logits_KV,
                targets_K,
                other_K,
                candidates=numbers.contrast_candidates,
                detach=numbers.contrast_detach,
            )
            return logps_K, contrast_K

        found = [_spread(batch, index_M, v) for v in by_chunks(read, tensors, 4 * width)]
        return (found[0], found[1], None) if ref is not None else (found[0], None, found[1])


def _spread(batch: TokenBatch, index_M: torch.Tensor, values_M: torch.Tensor) -> torch.Tensor:
    """Return values of chosen tokens in the shape of the rows, 0 elsewhere."""
    shape = batch.mask_NT[:, batch.start :].shape
    flat = values_M.new_zeros(shape.numel()).index_put((index_M,), values_M)
    return torch.nn.functional.pad(flat.view(shape), (batch.start, 0))


def _places(part: Dataset) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the stream of each response, `[E, K]`, and 1.0 where there is one."""
    device, most = part.scores_N.device, max(part.counts)
    counts_E = torch.tensor(part.counts, device=device)
    firsts_E = torch.tensor(part.firsts, device=device)
    at_K = torch.arange(most, device=device)
    valid_EK = at_K < counts_E[:, None]
    return firsts_E[:, None] + at_K * valid_EK, valid_EK.to(torch.float32)


def plan_passes(world: World, part: Dataset, limit_tokens: int) -> list[Pass]:
    """Return a process's passes over examples: of one, or of at most `limit_tokens`, padded."""
    most, lengths = max(part.counts), part.batch.lengths
    longest = [
        most * max(lengths[first : first + count])
        for first, count in zip(part.firsts, part.counts, strict=True)
    ]
    return share_micro_batches(world, longest, limit_tokens)


@torch.no_grad()
def add_reference(
    learner: Learner,
    dataset: Dataset,
    limit_tokens: int,
    self_reference: PreTrainedModel | None = None,
) -> Dataset:
    """Return a data set with the log-probabilities of the weights as they are.

    With `self_reference`, those of every response but an example's first are that model's.
    """
    batch = dataset.batch
    firsts = set(dataset.firsts)
    own = [row for row in range(len(batch)) if self_reference is None or row in firsts]
    others = [row for row in range(len(batch)) if row not in set(own)]
    ref_NT = torch.zeros_like(batch.mask_NT)
    for model, rows in ((learner.model, own), (self_reference, others)):
        if model is not None and rows:
            _score_rows(learner, model, batch, rows, limit_tokens, ref_NT)
    learner.world.add_up([ref_NT], "the log-probabilities of the reference")
    return dataclasses.replace(dataset, ref_logps_NT=ref_NT)


def _score_rows(
    learner: Learner,
    model: PreTrainedModel,
    batch: TokenBatch,
    rows: Sequence[int],
    limit_tokens: int,
    into_NT: torch.Tensor,
) -> None:
    for one in forward_passes(learner.world, batch, [rows], limit_tokens):
        part = one.batch
        with learner.mixed_precision():
            logps_NT = score_tokens(model, part.ids_NL, start=part.start).logps_NT
        if one.counts:
            into_NT[one.index_N, : logps_NT.shape[1]] = logps_NT * part.mask_NT
