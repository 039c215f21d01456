"""vLLM in this process, on real weights, beside the local engine."""

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch

from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from gym_reason.types import Completion
from tests.agents.loop_backends import small_model
from tests.vllm.comparisons import GREEDY, PROMPTS, assert_like_local, change, score, start


@pytest.fixture(scope="module")
def model() -> Any:
    return small_model()


@pytest.fixture(scope="module")
def engine(model: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmEngine]:
    engine = start(model, tmp_path_factory.mktemp("run"))
    yield engine
    engine.close()


@pytest.mark.parametrize("stop", [(), ("3",), ("1", "22"), ("<eos>",)])
def test_greedy_completions_are_the_local_engine_s(
    engine: VllmEngine, model: Any, stop: tuple[str, ...]
) -> None:
    assert_like_local(engine, model, SamplingParams(16, 0.0, stop=stop))


def test_tokens_that_stop_are_the_local_engine_s(engine: VllmEngine, model: Any) -> None:
    first = engine.generate(PROMPTS, GREEDY)
    stops = tuple(sorted({one.token_ids[2] for one in first}))
    assert_like_local(engine, model, SamplingParams(16, 0.0, stop_token_ids=stops))


@pytest.mark.parametrize("temperature", [1.0, 0.7, 1.5])
def test_log_probabilities_are_those_of_the_temperature(
    engine: VllmEngine, model: Any, temperature: float
) -> None:
    params = [SamplingParams(16, temperature, seed=seed) for seed in range(len(PROMPTS))]
    for prompt, said in zip(PROMPTS, engine.generate(PROMPTS, params), strict=True):
        assert said.logprobs == pytest.approx(score(model, prompt, said, temperature), abs=1e-3)


def test_a_completion_depends_on_its_seed_alone(engine: VllmEngine) -> None:
    params = [SamplingParams(12, seed=seed) for seed in (1, 2, 2**63 + 1)]
    together = engine.generate([PROMPTS[1]] * 3, params)
    alone = [engine.generate([PROMPTS[1]], one)[0] for one in params]
    assert [one.token_ids for one in together] == [one.token_ids for one in alone]
    assert len({one.token_ids for one in together}) > 1


def test_samples_are_drawn_as_often_as_they_are_likely(engine: VllmEngine, model: Any) -> None:
    count = 2000
    said = engine.generate(
        [PROMPTS[0]] * count, [SamplingParams(1, seed=seed) for seed in range(count)]
    )
    with torch.inference_mode():
        probs_V = torch.softmax(model(input_ids=torch.tensor([PROMPTS[0]])).logits[0, -1], -1)
    drawn_V = torch.bincount(torch.tensor([one.token_ids[0] for one in said]), minlength=18)
    error_V = (drawn_V / count - probs_V).abs() / (probs_V * (1 - probs_V) / count).sqrt()
    assert error_V.max() < 5.0


def test_a_head_that_is_not_sent_is_found_by_the_canary(
    engine: VllmEngine, model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def without_head(weights: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: w for name, w in weights.items() if name != "lm_head.weight"}

    with monkeypatch.context() as patch:
        patch.setattr(engine, "_translate", without_head)
        change(model)
        with pytest.raises(RunError, match="canary"):
            engine.update_weights()
    engine.refresh()
    assert_like_local(engine, model, GREEDY)


def test_cancelled_calls_free_their_rows(engine: VllmEngine) -> None:
    async def ask() -> list[Completion]:
        calls = [
            asyncio.create_task(engine.sample(PROMPTS[0], SamplingParams(50, seed=s)))
            for s in range(32)
        ]
        await asyncio.sleep(0.001)
        for call in calls[::2]:
            call.cancel()
        said = await asyncio.gather(*calls, return_exceptions=True)
        assert any(isinstance(one, asyncio.CancelledError) for one in said[::2])
        return [one for one in said[1::2] if isinstance(one, Completion)]

    engine.refresh()
    assert len(asyncio.run(ask())) == 16
    assert len(asyncio.run(ask())) == 16
    engine.generate(PROMPTS, GREEDY)
    backend: Any = engine._backend
    assert backend._running == {}
    assert not backend._llm.llm_engine.has_unfinished_requests()


def test_rest_on_a_cpu_changes_nothing(engine: VllmEngine, model: Any) -> None:
    if torch.cuda.is_available():
        pytest.skip("a GPU sleeps in earnest")
    engine.rest()
    assert_like_local(engine, model, GREEDY)
