"""New weights under completions that are under way: each token knows the version that drew it."""

import asyncio
import copy
import dataclasses
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import DynamicCache

from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.local.detokenizer import Detokenizer
from gym_reason.agents.engines.local.generic import GenericDecoder
from gym_reason.agents.engines.vllm.colocated import _Running
from gym_reason.agents.engines.vllm.orders import Order, Sampled, make_completion
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.virtual_tokens import cache_argument
from gym_reason.errors import DataError, UsageError
from gym_reason.records import to_json
from gym_reason.trajectories import read_trajectory
from gym_reason.types import Completion, Message, StopReason, Task, TokenTrace, Trajectory
from tests.agents.loop_backends import TOKENIZER, small_model

PROMPT = TOKENIZER.encode("347+285=")


def encode(text: str) -> tuple[int, ...]:
    """Return the tokens of some words, and no others."""
    return tuple(TOKENIZER.encode(text, add_special_tokens=False))


def change(model: Any, seed: int) -> None:
    """Move every weight a little."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.03 * torch.randn(weight.shape, generator=generator))


async def sample_in_flight(engine: LocalEngine, swaps: dict[int, Any], count: int) -> Completion:
    """Return a completion during which the weights change after some numbers of tokens."""
    running = asyncio.create_task(engine.sample(PROMPT, SamplingParams(count, seed=5)))
    begun = engine.pulse
    while not running.done():
        await asyncio.sleep(0)
        # The first step draws two tokens: one of the prompt, one after it.
        if (swap := swaps.pop(engine.pulse - begun, None)) is not None:
            swap()
    return await running


def score_in_flight(
    models: dict[int, Any], said: Completion, prompt: list[int] = PROMPT
) -> list[float]:
    """Return each token's log-probability under its version, behind keys and values as they were.

    By the model's own forward pass and its own cache: the tokens before were read with the weights
    of their time.
    """
    cache, logps, ids = DynamicCache(), [], prompt
    with torch.inference_mode():
        for token, version in zip(said.token_ids, said.token_versions, strict=True):
            model = models[version]
            given = {cache_argument(model): cache}
            logits_V = model(input_ids=torch.tensor([ids]), use_cache=True, **given).logits[0, -1]
            logps.append(torch.log_softmax(logits_V, -1)[token].item())
            ids = [token]
    return logps


@pytest.mark.parametrize("generic", [False, True])
def test_each_token_s_logprob_is_that_of_its_version(generic: bool) -> None:
    model = small_model()
    engine = LocalEngine(model, TOKENIZER, stop_token_ids=())
    if generic:
        engine._scheduler._decoder = engine.decoder = GenericDecoder(model)
    engine.version = 7
    models = {7: copy.deepcopy(model)}

    def swap(version: int) -> None:
        change(model, version)
        engine.update_weights(version)
        models[version] = copy.deepcopy(model)

    swaps = {3: lambda: swap(8), 9: lambda: swap(10)}
    said = asyncio.run(sample_in_flight(engine, swaps, 16))
    assert said.versions == (7,) * 4 + (8,) * 6 + (10,) * 6
    assert said.policy_version == 7
    assert said.logprobs == pytest.approx(score_in_flight(models, said), abs=1e-5)
    # The check can fail: under one version throughout, the numbers are others.
    stale = score_in_flight(dict.fromkeys(models, models[7]), said)
    assert max(abs(a - b) for a, b in zip(said.logprobs, stale, strict=True)) > 1e-3


def test_a_request_that_waits_is_of_the_version_that_it_begins_under() -> None:
    model = small_model()
    engine = LocalEngine(model, TOKENIZER, stop_token_ids=(), max_rows=1)

    async def run() -> list[Completion]:
        params = [SamplingParams(4, seed=seed) for seed in range(2)]
        both = [asyncio.create_task(engine.sample(PROMPT, one)) for one in params]
        while engine.pulse < 2:
            await asyncio.sleep(0)
        change(model, 1)
        engine.update_weights()
        return [await one for one in both]

    first, second = asyncio.run(run())
    assert first.versions == (0, 0, 0, 1)
    assert (second.versions, second.policy_version) == ((), 1)
    # Nothing of the prompt, which both share, was kept over the change.
    (alone,) = LocalEngine(model, TOKENIZER, stop_token_ids=()).generate(
        [PROMPT], SamplingParams(4, seed=1)
    )
    assert (second.token_ids, second.logprobs) == (alone.token_ids, alone.logprobs)


def test_an_engine_follows_another_model_once_nothing_is_under_way() -> None:
    engine, other = LocalEngine(small_model(), TOKENIZER), small_model(seed=1)
    engine.version = 4

    async def run() -> None:
        running = asyncio.create_task(engine.sample(PROMPT, SamplingParams(8)))
        await asyncio.sleep(0)
        with pytest.raises(UsageError, match="in the middle of completions"):
            engine.follow(other)
        await running

    asyncio.run(run())
    engine.follow(other)
    params = SamplingParams(8, seed=2)
    (found,) = engine.generate([PROMPT], params)
    (expected,) = LocalEngine(other, TOKENIZER).generate([PROMPT], params)
    assert (found.token_ids, found.policy_version) == (expected.token_ids, 4)


def test_frozen_weights_are_not_read_again_after_a_step_of_others() -> None:
    frozen, other = small_model(), torch.nn.Linear(2, 2)
    frozen.requires_grad_(False)
    engine = LocalEngine(frozen, TOKENIZER)
    engine.generate([PROMPT], SamplingParams(2))
    optimiser = torch.optim.SGD(other.parameters(), lr=0.1)
    other(torch.ones(2)).sum().backward()
    optimiser.step()
    assert not engine.decoder.refresh()
    change(frozen, 1)
    assert engine.decoder.refresh()


SPANS = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 9)), min_size=1, max_size=4)


@settings(max_examples=50)
@given(SPANS)
def test_counts_at_each_swap_say_which_token_is_of_which_version(
    spans: list[tuple[int, int]],
) -> None:
    running = _Running(Order((1,), SamplingParams(4), 4, ()), None, None)  # type: ignore[arg-type]
    first, expected = 0, []
    for count, version in spans:
        running.versions.append(({0: first} if first else {}, version))
        first += count
        expected += [version] * count
    assert running.token_versions(0, first) == tuple(expected)


def test_versions_are_cut_with_the_tokens_behind_a_stop_string() -> None:
    ids, detokenizer = encode("12=3"), Detokenizer(TOKENIZER)
    sampled = Sampled(ids, (-1.0,) * 4, (3, 3, 4, 5))
    whole, cut, uniform = (
        make_completion(Order((1,), SamplingParams(9, stop=stop), 9, ()), sampled, detokenizer, 9)
        for stop in ((), ("=",), ("2",))
    )
    assert (whole.versions, whole.policy_version) == ((3, 3, 4, 5), 3)
    assert (cut.versions, cut.policy_version) == ((3, 3, 4), 3)
    assert (uniform.versions, uniform.policy_version) == ((), 3)
    plain = dataclasses.replace(sampled, versions=())
    asked = make_completion(Order((1,), SamplingParams(9), 9, ()), plain, detokenizer, 9)
    assert (asked.versions, asked.policy_version) == ((), 9)


def test_a_conversation_keeps_versions_where_they_differ() -> None:
    conversation = Conversation((Message("user", "1+1="),), ChatEncoder(TOKENIZER))
    prompt = len(conversation.prompt_ids())
    assert conversation.oldest_version() is None
    first, second = encode("12"), encode("34")
    conversation.add_completion(Completion(first, (-1.0, -1.0), "12", "stop", 5))
    (trace,) = conversation.traces()
    assert (trace.versions, conversation.oldest_version()) == ((), 5)
    conversation.add_message(Message("user", "2+2="))
    count = len(conversation.prompt_ids())
    conversation.add_completion(Completion(second, (-1.0, -1.0), "34", "stop", 6, (6, 8)))
    (trace,) = conversation.traces()
    assert trace.versions == (0,) * prompt + (5, 5) + (0,) * (count - prompt - 2) + (6, 8)
    assert conversation.oldest_version() == 5


def test_a_trace_with_too_few_versions_is_refused() -> None:
    trace = TokenTrace((1, 2), (True, True), (0.0, 0.0), (0, 0), (3, 4))
    whole = Trajectory(Task("1", (), ""), (), (trace,), 0.0, StopReason.ANSWERED, 0, 3)
    row = to_json(whole)
    assert read_trajectory(row) == whole
    row["traces"][0]["versions"] = [3]
    with pytest.raises(DataError, match="streams of"):
        read_trajectory(row)
