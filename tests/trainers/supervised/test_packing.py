"""Packed rows score and teach as they do alone."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from gym_reason.agents.models import build_preset
from gym_reason.errors import ModelError
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.supervised.packing import (
    PackedBatch,
    Row,
    check_packing,
    pack_rows,
    plan_packs,
    score_packed,
)

CPU = torch.device("cpu")
LENGTHS = (9, 4, 17, 2, 6, 11)


def make_rows(seed: int = 0) -> list[Row]:
    """Return rows of random tokens, about half of them learned."""
    rng = np.random.default_rng(seed)
    rows = []
    for length in LENGTHS:
        learned = rng.random(length) < 0.5
        learned[0], learned[-1] = False, True
        rows.append(Row(rng.integers(3, 20, length).astype(np.int32), learned))
    return rows


def make_model(kind: str) -> PreTrainedModel:
    """Return a small model with random weights large enough to tell contexts apart."""
    if kind == "gpt2":
        make_config: Any = GPT2Config
        config = make_config(
            vocab_size=20, n_positions=64, n_embd=32, n_layer=2, n_head=4, resid_pdrop=0.0,
            embd_pdrop=0.0, attn_pdrop=0.0, bos_token_id=1, eos_token_id=2,
        )  # fmt: skip
        torch.manual_seed(0)
        model: PreTrainedModel = GPT2LMHeadModel(config)
    else:
        model = build_preset("0.1m", 20, max_positions=64)
        model.set_attn_implementation(kind)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim > 1:
                weight.mul_(5.0)
    return model


def loss_and_gradient(
    model: PreTrainedModel, batches: list[PackedBatch]
) -> tuple[float, torch.Tensor]:
    """Return the summed loss of the learned tokens, and its gradient in all weights."""
    model.zero_grad()
    total = 0.0
    for batch in batches:
        loss = -(score_packed(model, batch) * batch.mask_PT).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.item()
    found = [weight.grad.flatten() for weight in model.parameters() if weight.grad is not None]
    return total, torch.cat(found)


@pytest.mark.parametrize("kind", ["eager", "sdpa", "gpt2"])
def test_packed_and_lone_rows_have_one_loss_and_one_gradient(kind: str) -> None:
    model, rows = make_model(kind), make_rows()
    lone = [pack_rows([row], [[0]], 0, CPU) for row in rows]
    packs = plan_packs(LENGTHS, 24)
    assert any(len(pack) > 2 for pack in packs)
    loss, gradient = loss_and_gradient(model, lone)
    count = sum(int(row.learned.sum()) for row in rows)
    packed_loss, packed_gradient = loss_and_gradient(model, [pack_rows(rows, packs, 0, CPU)])
    assert packed_loss / count == pytest.approx(loss / count, abs=1e-6)
    torch.testing.assert_close(packed_gradient / count, gradient / count, atol=1e-6, rtol=1e-5)


def test_lone_rows_score_as_in_the_fused_pass() -> None:
    model, rows = make_model("eager"), make_rows()
    batch = pack_rows(rows, [[row] for row in range(len(rows))], 0, CPU)
    fused_PT = score_tokens(model, batch.ids_PL, start=batch.start).logps_NT
    expected = score_packed(model, batch) * batch.mask_PT
    torch.testing.assert_close(fused_PT * batch.mask_PT, expected, atol=1e-5, rtol=1e-5)


def test_no_row_sees_its_neighbour() -> None:
    model, rows = make_model("eager"), make_rows()
    other = [Row((25 - row.ids).clip(3, 19).astype(np.int32), row.learned) for row in rows]
    for first, second in ((rows[0], rows[2]), (rows[0], other[2])):
        alone = score_packed(model, pack_rows([first], [[0]], 0, CPU))
        together = score_packed(model, pack_rows([first, second], [[0, 1]], 0, CPU))
        assert torch.allclose(together[:, : len(first) - 1], alone, atol=1e-6)
    before = score_packed(model, pack_rows([rows[0], rows[2]], [[0, 1]], 0, CPU))
    after = score_packed(model, pack_rows([other[0], rows[2]], [[0, 1]], 0, CPU))
    size = len(rows[0])
    assert torch.allclose(before[:, size:], after[:, size:], atol=1e-6)
    assert not torch.allclose(before[:, : size - 1], after[:, : size - 1], atol=1e-3)


def test_nothing_is_learned_across_a_border_or_in_padding() -> None:
    rows = [Row(row.ids, np.ones(len(row), np.bool_)) for row in make_rows()]
    batch = pack_rows(rows, [[0, 1], [2]], 0, CPU)
    assert batch.ids_PL.shape == (2, 17)
    assert batch.mask_PT[0].tolist() == [1.0] * 8 + [0.0] + [1.0] * 3 + [0.0] * 4
    assert batch.mask_PT[1].tolist() == [1.0] * 16
    assert batch.positions_PT[0].tolist() == [*range(9), *range(4), 0, 0, 0]


@given(st.lists(st.integers(2, 40), min_size=1, max_size=30), st.integers(2, 40))
def test_packs_hold_every_row_once_within_the_limit(lengths: list[int], limit: int) -> None:
    packs = plan_packs(lengths, limit)
    assert sorted(row for pack in packs for row in pack) == list(range(len(lengths)))
    assert all(len(pack) == 1 or sum(lengths[row] for row in pack) <= limit for pack in packs)


def test_a_model_that_would_mix_rows_is_refused() -> None:
    model, row = make_model("eager"), make_rows()[2]
    check_packing(model, row, 0)
    decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
    forward = decoder.forward

    def blind(position_ids: torch.Tensor, **inputs: Any) -> Any:
        return forward(**inputs)

    decoder.forward = blind
    with pytest.raises(ModelError, match=r"set sft\.packing=false"):
        check_packing(model, row, 0)
