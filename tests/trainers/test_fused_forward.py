"""The fused pass against the models of transformers, which define the right numbers."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from gym_reason.trainers.fused import decoder, fused_logits, slices, supports
from gym_reason.trainers.fused.attention import make_positions
from gym_reason.trainers.fused.block import Plan
from gym_reason.trainers.fused.products import Products
from gym_reason.trainers.fused.shape import DecoderShape

SIZES: dict[str, Any] = {
    "vocab_size": 11,
    "hidden_size": 12,
    "intermediate_size": 20,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "attn_implementation": "eager",
}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_model(kind: str = "qwen3", **changes: Any) -> PreTrainedModel:
    torch.manual_seed(0)
    sizes: dict[str, Any] = SIZES | {"head_dim": 6, "tie_word_embeddings": True} | changes
    model: PreTrainedModel
    config: Any
    if kind == "qwen3":
        config = Qwen3Config(**sizes)
        model = Qwen3ForCausalLM(config)
    elif kind == "qwen2":
        del sizes["head_dim"]
        sizes["hidden_size"] = 16
        config = Qwen2Config(**sizes)
        model = Qwen2ForCausalLM(config)
    else:
        config = LlamaConfig(**sizes)
        model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():  # norms of one and biases of zero would hide mistakes
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return model


def make_ids(rows: int, length: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(rows * 100 + length)
    return torch.randint(0, SIZES["vocab_size"], (rows, length), generator=generator)


def gradients(model: PreTrainedModel, logits: torch.Tensor) -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(7)
    weights = torch.randn(logits.shape, generator=generator)
    model.zero_grad(set_to_none=True)
    torch.autograd.backward((logits.float() * weights).sum())
    return {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def relative_error(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float(((found - expected).norm() / expected.norm().clamp_min(1e-12)).item())


def assert_same(model: PreTrainedModel, ids: torch.Tensor, limit: float, start: int = 0) -> None:
    expected = model(input_ids=ids, use_cache=False).logits[:, start:]
    expected_gradients = gradients(model, expected)
    found = fused_logits(model, ids, start)
    found_gradients = gradients(model, found)
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    assert relative_error(found, expected) < limit
    assert found_gradients.keys() == expected_gradients.keys()
    whole = torch.stack([g.norm() for g in expected_gradients.values()]).norm()
    for name, gradient in expected_gradients.items():
        error = (found_gradients[name] - gradient).norm()
        assert error < limit * gradient.norm() + limit * 1e-2 * whole, name


@pytest.mark.parametrize(("rows", "length"), [(1, 1), (1, 7), (3, 2), (5, 13), (40, 5)])
@pytest.mark.parametrize("kind", ["qwen3", "qwen2", "llama"])
def test_logits_and_every_gradient_are_those_of_transformers(
    kind: str, rows: int, length: int
) -> None:
    model = make_model(kind)
    assert supports(model)
    assert_same(model, make_ids(rows, length), 1e-5)


@pytest.mark.parametrize("rows", [2, 40])  # with 40 the first projections are looked up
def test_a_padding_token_gets_the_gradient_that_its_embedding_module_gives_it(rows: int) -> None:
    assert_same(make_model(pad_token_id=3), make_ids(rows, 5), 1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("kv_heads", [1, 2, 4])
def test_grouped_heads_and_untied_embeddings(tied: bool, kv_heads: int) -> None:
    model = make_model(num_key_value_heads=kv_heads, tie_word_embeddings=tied)
    assert_same(model, make_ids(4, 9), 1e-5)


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("start", [1, 4, 8])
@pytest.mark.parametrize("rows", [2, 40])
def test_logits_from_a_later_position(layers: int, start: int, rows: int) -> None:
    """Two rows project each token; forty rows project the vocabulary."""
    assert_same(make_model(num_hidden_layers=layers), make_ids(rows, 9), 1e-5, start)


def test_slices_of_rows_give_the_same_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE_NUMBERS", 12 * 9 * 3)
    ids = make_ids(10, 9)
    assert len(slices.slice_rows(ids, 0, 12)) == 3
    assert_same(make_model(), ids, 1e-5)
    assert_same(make_model(), ids, 1e-5, start=3)


def share_prefixes(ids: torch.Tensor, start: int, groups: int) -> torch.Tensor:
    """Return rows of which each `groups`-th has the same first `start` tokens."""
    shared = ids.clone()
    for row in range(len(ids)):
        shared[row, :start] = ids[row % groups, :start]
    return shared


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("rows", [10, 40])
@pytest.mark.parametrize("groups", [1, 3])
@pytest.mark.parametrize("slice_tokens", [10_000, 40, 5])
def test_rows_that_begin_alike_share_their_beginning(
    layers: int, rows: int, groups: int, slice_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SLICE_NUMBERS", 12 * slice_tokens)
    ids = share_prefixes(make_ids(rows, 9), 5, groups)
    found = slices.slice_rows(ids, 5, 12)
    assert sorted(row for part in found for row in part.rows) == list(range(rows))
    if slice_tokens == 10_000:
        assert [len(part.prefix_rows) for part in found] == [groups]
    assert_same(make_model(num_hidden_layers=layers), ids, 1e-5, start=5)


def test_the_sharing_costs_fewer_tokens() -> None:
    ids = share_prefixes(make_ids(16, 9), 6, 2)
    assert [part.count_tokens(9, 6) for part in slices.slice_rows(ids, 6, 12)] == [2 * 6 + 16 * 3]


def test_a_single_head_leaves_the_given_projections_alone() -> None:
    """A transposed view of one head is contiguous: rotated in place, it would change its source."""
    model = make_model("llama", num_attention_heads=1, num_key_value_heads=1)
    assert_same(model, make_ids(40, 5), 1e-5)


@pytest.mark.parametrize(
    ("given", "start", "shared"),
    [
        (False, 0, False),
        (True, 0, False),
        (False, 2, False),
        (True, 2, False),
        (False, 2, True),
        (True, 2, True),
    ],
)
def test_hand_written_gradients_against_finite_differences(
    given: bool, start: int, shared: bool
) -> None:
    torch.manual_seed(1)
    shape = DecoderShape(hidden=4, heads=2, kv_heads=1, head_dim=2, epsilon=1e-6)
    frequencies = torch.tensor([0.7])
    plan = Plan(shape, make_positions(frequencies, shape, 4), Products(), length=4, start=start)

    def draw(*sizes: int) -> torch.Tensor:
        return torch.randn(*sizes, dtype=torch.float64, requires_grad=True)

    first = None if given else draw(8, 4)
    flat: list[torch.Tensor | None] = [first, draw(4, 4), draw(6, 4), draw(4, 3)]
    flat += [None if given else draw(8), draw(2), draw(2)]
    flat += [draw(8, 4), draw(4, 4), draw(6, 4), draw(4, 3), None, None, None]
    part = slices.RowSlice((0, 1), (0, 1), None)
    if shared:
        part = slices.RowSlice((0, 1), (0,), torch.tensor([0, 0]))
    tokens = part.count_tokens(4, start)
    inputs = [draw(tokens, 4), draw(tokens, 8) if given else None, *flat]
    weights = torch.randn(2, 4 - start, 4, dtype=torch.float64)

    def loss() -> torch.Tensor:
        result: torch.Tensor = decoder.DecoderPass.apply(plan, [part], *inputs)  # type: ignore[no-untyped-call]
        return (result * weights).sum()

    torch.autograd.backward(loss())
    for at, tensor in enumerate(tensor for tensor in inputs if tensor is not None):
        assert tensor.grad is not None
        expected = torch.empty_like(tensor)
        for index in range(tensor.numel()):
            expected.view(-1)[index] = central_difference(loss, tensor, index)
        error = (tensor.grad - expected).abs().max()
        assert error < 1e-7 + 1e-6 * expected.abs().max(), f"input {at}"


@torch.no_grad()
def central_difference(loss: Callable[[], torch.Tensor], tensor: torch.Tensor, index: int) -> float:
    numbers, step = tensor.view(-1), 1e-5
    middle = numbers[index].item()
    numbers[index] = middle + step
    above = loss().item()
    numbers[index] = middle - step
    below = loss().item()
    numbers[index] = middle
    return (above - below) / (2 * step)


@pytest.mark.parametrize("rows", [3, 40])
def test_padding_on_the_right_changes_no_real_token(rows: int) -> None:
    model, ids = make_model(), make_ids(rows, 9)
    longer = torch.cat((ids, torch.zeros(rows, 3, dtype=torch.int64)), dim=1)
    torch.testing.assert_close(fused_logits(model, longer)[:, :9], fused_logits(model, ids))


def test_two_runs_agree_to_the_last_bit() -> None:
    model, ids = make_model(), make_ids(40, 9)
    first = fused_logits(model, ids)
    first_gradients = gradients(model, first)
    second = fused_logits(model, ids)
    second_gradients = gradients(model, second)
    assert torch.equal(first, second)
    assert all(torch.equal(g, second_gradients[name]) for name, g in first_gradients.items())


@pytest.mark.parametrize("rows", [3, 40])
def test_without_gradients(rows: int) -> None:
    model, ids = make_model(), make_ids(rows, 9)
    with torch.no_grad():
        bare = fused_logits(model, ids)
    assert not bare.requires_grad
    assert torch.equal(bare, fused_logits(model, ids))


@pytest.mark.parametrize("rows", [3, 40])
def test_frozen_parameters_get_no_gradient_and_the_others_theirs(rows: int) -> None:
    model = make_model()
    model.get_input_embeddings().requires_grad_(False)
    for name, parameter in model.named_parameters():
        if "layers.0" in name:
            parameter.requires_grad_(False)
    assert_same(model, make_ids(rows, 6), 1e-5)


def test_sees_changed_parameters_at_once() -> None:
    model, ids = make_model(), make_ids(3, 6)
    before = fused_logits(model, ids)
    with torch.no_grad():
        model.get_parameter("model.layers.0.self_attn.q_norm.weight").mul_(2.0)
    assert not torch.allclose(before, fused_logits(model, ids))
    assert_same(model, ids, 1e-5)


@pytest.mark.parametrize("rows", [3, 40])
def test_bfloat16_autocast_is_as_near_to_float32_as_the_model(rows: int) -> None:
    model = make_model(hidden_size=32, head_dim=8, intermediate_size=64)
    ids = make_ids(rows, 12)
    exact = model(input_ids=ids, use_cache=False).logits
    exact_gradients = gradients(model, exact)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        theirs = model(input_ids=ids, use_cache=False).logits
        ours = fused_logits(model, ids)
    assert ours.dtype == theirs.dtype
    their_gradients, our_gradients = gradients(model, theirs), gradients(model, ours)
    assert (
        1e-5
        < relative_error(ours.float(), exact)
        < 0.02 + 1.5 * relative_error(theirs.float(), exact)
    )
    for name, gradient in exact_gradients.items():
        error = relative_error(our_gradients[name], gradient)
        assert error < 0.02 + 1.5 * relative_error(their_gradients[name], gradient), name


def test_second_backward_is_refused() -> None:
    model = make_model()
    loss = fused_logits(model, make_ids(3, 6)).sum()
    torch.autograd.backward(loss, retain_graph=True)
    with pytest.raises(RuntimeError, match="only once"):
        torch.autograd.backward(loss)


def peak_bytes(make_loss: Callable[[], torch.Tensor]) -> int:
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as recorded:
        torch.autograd.backward(make_loss())
    held, peak = 0, 0
    results: Any = recorded.profiler
    for event in results.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak


def test_memory_stays_below_the_models_own() -> None:
    model = make_model(hidden_size=32, head_dim=8, intermediate_size=96)
    ids = make_ids(64, 20)
    for _ in range(2):  # both have gradients to accumulate into, then
        gradients(model, fused_logits(model, ids))
    theirs = peak_bytes(lambda: model(input_ids=ids, use_cache=False).logits.sum())
    ours = peak_bytes(lambda: fused_logits(model, ids).sum())
    assert 0 < ours < theirs


@pytest.mark.parametrize(
    "changes",
    [
        {"attention_dropout": 0.1},
        {"hidden_act": "gelu"},
        {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}},
        {"use_sliding_window": True, "sliding_window": 4, "max_window_layers": 0},
        {"attention_bias": True},
    ],
)
def test_supports_no_model_that_differs(changes: dict[str, Any]) -> None:
    assert not supports(make_model(**changes).train())


def test_supports_dropout_only_where_it_has_no_effect() -> None:
    model = make_model(attention_dropout=0.1)
    assert supports(model.train(False))
    assert not supports(model.train())


def test_supports_no_changed_modules() -> None:
    assert supports(make_model())
    half: Any = make_model()
    assert not supports(half.to(torch.bfloat16))
    assert not supports(torch.nn.Linear(2, 2))
    hooked = make_model()
    hooked.get_submodule("model.layers.0.mlp").register_forward_hook(lambda *_: None)
    assert not supports(hooked)
    replaced: Any = make_model()

    class Adapted(torch.nn.Linear):
        pass

    replaced.model.layers[0].mlp.up_proj = Adapted(12, 20, bias=False)
    assert not supports(replaced)
    checkpointed: Any = make_model().train()
    checkpointed.model.gradient_checkpointing = True
    assert not supports(checkpointed)
