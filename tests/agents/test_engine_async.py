"""The asynchronous side of the local engine: batching, joining, cancelling, failing."""

import asyncio
from typing import Any

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.models import build_qwen3
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.errors import UsageError
from gym_reason.types import Completion

torch.set_num_threads(1)

TOKENIZER = build_character_tokenizer("0123456789+=")
PROMPT = TOKENIZER.encode("347+285=")


def build_engine(max_rows: int = 512) -> LocalEngine:
    model = build_qwen3(
        len(TOKENIZER), layers=1, hidden=16, heads=2, kv_heads=1, head_dim=8, feed_forward=16,
        max_positions=4096,
    )  # fmt: skip
    return LocalEngine(model, TOKENIZER, max_rows=max_rows, stop_token_ids=())


def params(seed: int, count: int = 8) -> SamplingParams:
    return SamplingParams(max_tokens=count, seed=seed)


def test_many_callers_get_what_generate_gives() -> None:
    engine = build_engine(max_rows=7)
    expected = engine.generate([PROMPT] * 25, [params(i, 3 + i % 5) for i in range(25)])

    async def run() -> list[Completion]:
        return await asyncio.gather(
            *(engine.sample(PROMPT, params(i, 3 + i % 5)) for i in range(25))
        )

    for _ in range(2):  # a second event loop finds the engine in order
        found = asyncio.run(run())
        assert [c.token_ids for c in found] == [c.token_ids for c in expected]


def test_a_late_request_joins_and_does_not_wait_for_the_long_one() -> None:
    engine = build_engine()
    order: list[str] = []

    async def ask(name: str, count: int) -> None:
        await engine.sample(PROMPT, params(1, count))
        order.append(name)

    async def run() -> None:
        long = asyncio.create_task(ask("long", 300))
        await asyncio.sleep(0.02)
        for _ in range(3):
            await ask("short", 4)
        await long

    asyncio.run(run())
    assert order == ["short", "short", "short", "long"]


def test_cancelling_frees_the_row() -> None:
    engine = build_engine(max_rows=1)

    async def run() -> Completion:
        running = asyncio.create_task(engine.sample(PROMPT, params(1, 4000)))
        waiting = asyncio.create_task(engine.sample(PROMPT, params(2, 4000)))
        await asyncio.sleep(0.02)
        running.cancel()
        waiting.cancel()
        results = await asyncio.gather(running, waiting, return_exceptions=True)
        assert all(isinstance(result, asyncio.CancelledError) for result in results)
        return await asyncio.wait_for(engine.sample(PROMPT, params(3)), timeout=10)

    found = asyncio.run(run())
    assert found == engine.generate([PROMPT], params(3))[0]


def test_a_failing_model_fails_every_caller_and_the_engine_recovers() -> None:
    engine = build_engine(max_rows=2)
    model: Any = engine.model
    expected = engine.generate([PROMPT], params(1))[0]
    weight = model.model.layers[0].mlp.down_proj.weight

    async def run() -> list[Completion | BaseException]:
        calls = [asyncio.create_task(engine.sample(PROMPT, params(i, 50))) for i in range(5)]
        await asyncio.sleep(0)
        model.model.layers[0].mlp.down_proj.weight = torch.nn.Parameter(torch.zeros(3, 3))
        return await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), timeout=10)

    assert all(isinstance(result, RuntimeError) for result in asyncio.run(run()))
    model.model.layers[0].mlp.down_proj.weight = weight
    assert engine.generate([PROMPT], params(1))[0] == expected


def test_a_bad_request_is_refused_at_once_and_alone() -> None:
    engine = build_engine()

    async def run() -> tuple[Completion | BaseException, Completion | BaseException]:
        return await asyncio.gather(
            engine.sample([], params(1)), engine.sample(PROMPT, params(1)), return_exceptions=True
        )

    refused, served = asyncio.run(run())
    assert isinstance(refused, UsageError)
    assert isinstance(served, Completion)


def test_ending_the_loop_drops_its_requests() -> None:
    engine = build_engine()

    async def run() -> None:
        await asyncio.wait_for(engine.sample(PROMPT, params(1, 4000)), timeout=0.02)

    with pytest.raises(TimeoutError):
        asyncio.run(run())
    assert len(engine.generate([PROMPT], params(1))[0].token_ids) == 8
