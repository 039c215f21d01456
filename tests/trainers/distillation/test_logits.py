"""Logits of chosen tokens are the model's own, whatever the model, the chunk and the vocabulary."""

from typing import Any

import pytest
import torch
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from gym_reason.agents.models import build_preset
from gym_reason.trainers.distillation import logits as logits_module
from gym_reason.trainers.distillation.logits import by_chunks, token_logits
from gym_reason.trainers.model.batch import TokenBatch, make_batch
from gym_reason.trainers.model.logprobs import has_plain_head
from gym_reason.types import TokenTrace

V = 20


def make_model(kind: str) -> PreTrainedModel:
    """Return a small model with a hand-written pass, or one without."""
    if kind == "qwen3":
        return build_preset("0.1m", V)
    torch.manual_seed(0)
    make_config: Any = GPT2Config  # its signature is not that of its fields
    config = make_config(vocab_size=V, n_embd=8, n_layer=1, n_head=2, n_positions=32)
    model = GPT2LMHeadModel(config)
    model.train(False)
    return model


def make_rows() -> TokenBatch:
    """Return two rows of different lengths, with two tokens of a prompt each."""
    ids = ((1, 5, 6, 7, 2), (1, 8, 9, 2))
    return make_batch(
        [
            TokenTrace(row, (False, False, *(True for _ in row[2:])), (0.0,) * len(row), (0,) * 5)
            for row in ids
        ],
        0,
        torch.device("cpu"),
    )


@pytest.mark.parametrize("kind", ["qwen3", "gpt2"])
@pytest.mark.parametrize("width", [V, 15])
@pytest.mark.parametrize("numbers", [1 << 24, 2 * V])
def test_chosen_logits_and_their_gradient(
    kind: str, width: int, numbers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logits_module, "CHUNK_NUMBERS", numbers)
    model, batch = make_model(kind), make_rows()
    assert has_plain_head(model) == (kind == "qwen3")
    index_M = batch.mask_NT[:, batch.start :].flatten().nonzero().squeeze(1)
    source = token_logits(model, batch, index_M, width)

    def highest(states_KC: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return (source.of(states_KC).logsumexp(-1),)

    (found_M,) = by_chunks(highest, [source.states_MC], width)
    logits_NTV = model(input_ids=batch.ids_NL).logits[:, :-1, :width]
    expected_M = logits_NTV[batch.mask_NT > 0].logsumexp(-1)
    torch.testing.assert_close(found_M, expected_M, rtol=1e-4, atol=1e-5)
    weights = [weight for weight in model.parameters() if weight.requires_grad]
    found = torch.autograd.grad(found_M.sum(), weights)
    expected = torch.autograd.grad(expected_M.sum(), weights)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
