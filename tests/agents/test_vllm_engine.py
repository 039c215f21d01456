"""The vLLM engine before a stand-in for vLLM: orders, versions, syncs and the canary."""

import asyncio
import contextlib
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import LlamaConfig, Qwen3ForCausalLM

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.local.detokenizer import Detokenizer
from gym_reason.agents.engines.vllm.canary import Canary, default_limit
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.heads import (
    choose_width,
    head_width,
    widen_config,
    widen_weights,
)
from gym_reason.agents.engines.vllm.orders import (
    Order,
    Sampled,
    make_completion,
    merge_orders,
    sampling_arguments,
)
from gym_reason.agents.engines.vllm.weights import named_weights
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.errors import ModelError, RunError, UsageError
from gym_reason.types import Completion
from tests.agents.loop_backends import TOKENIZER, LoopBackend, small_model

EOS = 2
PROMPTS = [TOKENIZER.encode(text) for text in ("1+1=", "347+285=", "9", "12345678901234567")]
MODEL = small_model()


def make_engine(
    model: Any = None, *, backend: LoopBackend | None = None, own_seeds: bool = True
) -> tuple[VllmEngine, LoopBackend]:
    """Return an engine on a model in training, and what stands for vLLM."""
    model = small_model() if model is None else model
    backend = backend or LoopBackend(small_model(seed=1))
    canary = Canary(
        len(TOKENIZER), 64, temperature=1.0, dtype=torch.float32,
        limit=default_limit(torch.float32),
    )  # fmt: skip
    engine = VllmEngine(
        backend, TOKENIZER, (EOS,), len(TOKENIZER), model=model, canary=canary, own_seeds=own_seeds
    )
    return engine, backend


def test_completions_are_those_of_the_local_engine() -> None:
    engine, _ = make_engine()
    assert isinstance(engine, Policy)
    local = LocalEngine(small_model(), TOKENIZER)
    params = [SamplingParams(12, temperature, seed=seed, stop=stop)
              for seed, (temperature, stop) in enumerate([(0.0, ()), (1.0, ()), (1.0, ("3",)),
                                                          (0.7, ("1", "22"))])]  # fmt: skip
    for found, expected in zip(
        engine.generate(PROMPTS, params), local.generate(PROMPTS, params), strict=True
    ):
        assert (found.token_ids, found.text) == (expected.token_ids, expected.text)
        assert found.finish_reason == expected.finish_reason
        assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-5)


IDS = st.lists(st.integers(0, len(TOKENIZER) - 1), min_size=1, max_size=12)


@settings(max_examples=30)
@given(IDS, st.lists(st.text("0123456789+=", min_size=1, max_size=3), max_size=3))
def test_a_stop_string_ends_a_completion_where_its_last_token_is(
    ids: list[int], stop: list[str]
) -> None:
    order = Order((1,), SamplingParams(len(ids), stop=tuple(stop)), len(ids), (EOS,))
    end = ids.index(EOS) + 1 if EOS in ids else len(ids)
    sampled = Sampled(tuple(ids[:end]), (-1.0,) * end)
    detokenizer = Detokenizer(TOKENIZER)
    found = make_completion(order, sampled, detokenizer, 3)
    texts = [detokenizer.decode([t for t in ids[:n] if t != EOS]) for n in range(1, end + 1)]
    first = next((n for n, text in enumerate(texts) if any(item in text for item in stop)), None)
    said = texts[-1 if first is None else first]
    cut = min((said.find(item) for item in stop if item in said), default=None)
    assert found.token_ids == tuple(ids[: end if first is None else first + 1])
    assert found.text == (said if cut is None else said[:cut])
    assert found.finish_reason == ("stop" if cut is not None or EOS in ids else "length")
    assert len(found.logprobs) == len(found.token_ids)
    assert found.policy_version == 3


@pytest.mark.parametrize(("ids", "logprobs"), [((), ()), ((5,), ()), ((5,), (-1.0, -1.0))])
def test_an_answer_that_breaks_the_word_is_refused(
    ids: tuple[int, ...], logprobs: tuple[float, ...]
) -> None:
    order = Order((1,), SamplingParams(4), 4, ())
    with pytest.raises(RunError, match="log-probabilities"):
        make_completion(order, Sampled(ids, logprobs), Detokenizer(TOKENIZER), 0)


def test_the_arguments_say_what_the_local_engine_does() -> None:
    params = SamplingParams(7, 0.5, 3, 0.9, 0.1, ("a",), (9,), seed=2**64 + 5)
    found = sampling_arguments(Order((1,), params, 6, (2, 9)), own_seeds=True)
    assert found["seed"] == 5
    assert (found["max_tokens"], found["stop_token_ids"]) == (6, [2, 9])
    assert found["ignore_eos"] is True
    assert found["detokenize"] is False
    assert found["logprobs"] == 0
    assert "stop" not in found
    greedy = sampling_arguments(Order((1,), SamplingParams(7, 1e-9), 7, ()), own_seeds=True)
    assert greedy["temperature"] == 0.0
    assert "seed" not in greedy
    assert "seed" not in sampling_arguments(Order((1,), params, 6, ()), own_seeds=False)


def test_samples_of_a_prompt_are_one_order_where_seeds_do_not_matter() -> None:
    orders = [Order(prompt, SamplingParams(4, seed=seed), 4, ()) for prompt in ((1,), (2,))
              for seed in range(3)]  # fmt: skip
    merged = merge_orders(orders, own_seeds=False)
    assert [(order.count, places) for order, places in merged] == [(3, [0, 1, 2]), (3, [3, 4, 5])]
    assert merge_orders(orders, own_seeds=True) == [(o, [i]) for i, o in enumerate(orders)]


@pytest.mark.parametrize("own_seeds", [True, False])
def test_calls_that_wait_together_get_their_own_completions(own_seeds: bool) -> None:
    engine, backend = make_engine(own_seeds=own_seeds)
    engine.refresh()
    backend.orders.clear()

    async def ask() -> list[Completion]:
        calls = [engine.sample(p, SamplingParams(6, seed=s)) for p in PROMPTS for s in range(3)]
        return list(await asyncio.gather(*calls))

    said = asyncio.run(ask())
    assert len(backend.orders) == (12 if own_seeds else 4)
    again = LocalEngine(small_model(), TOKENIZER)
    expected = again.generate(
        [p for p in PROMPTS for _ in range(3)],
        [SamplingParams(6, seed=s) for _ in PROMPTS for s in range(3)],
    )
    assert [one.token_ids for one in said] == [one.token_ids for one in expected]


def test_a_version_is_stamped_and_counts_updates() -> None:
    engine, backend = make_engine()
    assert engine.generate(PROMPTS[:1], SamplingParams(2))[0].policy_version == 0
    engine.update_weights()
    engine.update_weights(7)
    assert engine.generate(PROMPTS[:1], SamplingParams(2))[0].policy_version == 7
    assert backend.loads == [0, 1, 7]
    assert engine.figures()["canary_gap"] < 1e-4


def test_weights_that_changed_without_a_word_are_synced_before_a_prompt() -> None:
    model = small_model()
    engine, backend = make_engine(model)
    before = engine.generate(PROMPTS, SamplingParams(8, 0.0))
    with torch.no_grad():
        model.model.layers[0].mlp.down_proj.weight.add_(0.5)
    after = engine.generate(PROMPTS, SamplingParams(8, 0.0))
    assert before != after
    local = LocalEngine(model, TOKENIZER)
    assert [one.token_ids for one in after] == [
        one.token_ids for one in local.generate(PROMPTS, SamplingParams(8, 0.0))
    ]
    assert backend.loads == [0, 0]


@pytest.mark.parametrize("lost", ["model.layers.1.mlp.down_proj.weight", "model.norm.weight"])
def test_a_weight_that_does_not_arrive_stops_the_run(lost: str) -> None:
    model = small_model()
    with torch.no_grad():
        model.get_parameter(lost).add_(0.3)
    engine, backend = make_engine(model, backend=LoopBackend(small_model()))
    backend.lost = (lost,)
    with pytest.raises(RunError, match=r"differ by .* nats a token on the canary"):
        engine.refresh()
    backend.lost = ()
    engine.refresh()


def test_logprobs_of_another_temperature_stop_the_run() -> None:
    canary = Canary(len(TOKENIZER), 64, temperature=0.6, dtype=torch.float32, limit=0.002)
    local = LocalEngine(MODEL, TOKENIZER, stop_token_ids=())

    def sample(orders: Any, temperature: float) -> list[Completion]:
        return local.generate([orders[0].prompt], SamplingParams(16, temperature))

    assert canary.check(MODEL, lambda orders: sample(orders, 0.6), 0) < 1e-4
    with pytest.raises(RunError, match="canary"):
        canary.check(MODEL, lambda orders: sample(orders, 1.0), 1)


@pytest.mark.parametrize("positions", [2, 3, 9])
def test_the_canary_fits_few_positions(positions: int) -> None:
    canary = Canary(len(TOKENIZER), positions, temperature=1.0, dtype=torch.float32, limit=0.002)
    local = LocalEngine(MODEL, TOKENIZER, stop_token_ids=())

    def sample(orders: Any) -> list[Completion]:
        (order,) = orders
        assert len(order.prompt) + order.limit <= positions
        return local.generate([order.prompt], SamplingParams(order.limit))

    assert canary.check(MODEL, sample, 0) < 1e-4


def test_sleep_loses_the_weights_and_the_next_prompt_brings_them_back() -> None:
    engine, backend = make_engine()
    before = engine.generate(PROMPTS, SamplingParams(8, 0.0))
    engine.rest()
    engine.rest()
    assert backend.asleep
    assert engine.generate(PROMPTS, SamplingParams(8, 0.0)) == before
    engine.rest()
    engine.update_weights()
    assert not backend.asleep


def test_an_adapter_is_merged_before_each_sync() -> None:
    engine, backend = make_engine()
    merged: list[int] = []
    engine.before_refresh = lambda: merged.append(len(backend.loads))
    engine.refresh()
    engine.update_weights()
    assert merged == [0, 1]


@pytest.mark.parametrize(
    ("prompt", "params"),
    [
        ((), SamplingParams(4)),
        ((-1,), SamplingParams(4)),
        ((len(TOKENIZER),), SamplingParams(4)),
        ((1,) * 64, SamplingParams(4)),
        ((1,), SamplingParams(0)),
        ((1,), SamplingParams(4, float("nan"))),
        ((1,), SamplingParams(4, stop=("",))),
    ],
)
def test_what_cannot_be_asked_is_refused(prompt: tuple[int, ...], params: SamplingParams) -> None:
    engine, _ = make_engine()
    with pytest.raises(UsageError):
        engine.generate([prompt], params)
    with pytest.raises(UsageError):
        asyncio.run(engine.sample(prompt, params))


def test_a_completion_ends_where_the_positions_do() -> None:
    engine, backend = make_engine()
    (said,) = engine.generate([(1,) * 60], SamplingParams(40))
    assert len(said.token_ids) <= 4
    assert backend.orders[-1].limit == 4


@pytest.mark.parametrize("preset", ["0.1m", "0.4m"])
def test_wider_heads_compute_the_same(preset: str) -> None:
    model = build_preset(preset, len(TOKENIZER), max_positions=64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.parameters():
            drawn = torch.randn(weight.shape, generator=generator)
            weight.copy_(0.15 * drawn if weight.dim() > 1 else 1.0 + 0.2 * drawn)
    width = choose_width(model.config, "cpu")
    assert (head_width(model.config), width) == (16, 32)
    wide: Any = Qwen3ForCausalLM(widen_config(model.config, width))
    wide.load_state_dict(widen_weights(named_weights(model), 16, width))
    ids = torch.randint(len(TOKENIZER), (3, 60), generator=generator)
    with torch.inference_mode():
        pair = [torch.log_softmax(one(ids).logits, -1) for one in (model, wide)]
    assert (pair[0] - pair[1]).abs().max() < 1e-4
    assert head_width(model.config) == 16


def test_heads_that_vllm_has_are_left_alone_and_others_refused() -> None:
    config = small_model().config
    assert choose_width(config, "cpu") == 32
    assert widen_config(config, 32) is config
    assert choose_width(build_preset("0.1m", 18).config, "cuda") == 16
    llama = LlamaConfig(hidden_size=64, num_attention_heads=4, head_dim=16)
    with pytest.raises(ModelError, match="heads of 16"):
        choose_width(llama, "cpu")
    huge = LlamaConfig(hidden_size=64, num_attention_heads=1, head_dim=1024)
    with pytest.raises(ModelError, match="heads of 1024"):
        choose_width(huge, "cpu")


def test_closing_twice_is_closing_once() -> None:
    backend = LoopBackend(MODEL)
    resources = contextlib.ExitStack()
    resources.callback(backend.close)
    engine = VllmEngine(backend, TOKENIZER, (), len(TOKENIZER), resources=resources)
    engine.close()
    engine.close()
    assert backend.closed == 1
