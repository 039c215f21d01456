"""Episodes played ahead on vLLM, and weights that come under its completions."""

import asyncio
import copy
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.engines.vllm.build import start_for_training
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.agents.policy import SamplingParams
from gym_reason.records import read_jsonl
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.train import train
from gym_reason.types import Completion
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.agents.test_engine_versions import change, score_in_flight
from tests.vllm.comparisons import PROMPTS
from tests.vllm.test_runs import small, steps_of


async def sample_in_flight(
    engine: VllmEngine, models: dict[int, Any], count: int
) -> list[Completion]:
    """Return completions during which the weights change twice."""
    params = [SamplingParams(count, seed=seed, stop_token_ids=()) for seed in range(len(PROMPTS))]
    running = [
        asyncio.create_task(engine.sample(prompt, one))
        for prompt, one in zip(PROMPTS, params, strict=True)
    ]
    await asyncio.sleep(0)
    begun = engine.pulse
    for version in (1, 2):
        while engine.pulse < begun + 10 * version:
            await asyncio.sleep(0.001)
        change(engine.model, version)
        engine.update_weights(version)
        models[version] = copy.deepcopy(engine.model)
    return [await one for one in running]


def test_each_token_is_of_the_version_that_it_says(tmp_path: Path) -> None:
    model = small_model()
    engine = start_for_training(
        "vllm", VllmSettings(max_rows=64), model, TOKENIZER,
        temperature=1.0, dtype=None, folder=tmp_path, in_flight=True,
    )  # fmt: skip
    engine.stop_token_ids = ()
    try:
        engine.refresh()
        models = {0: copy.deepcopy(model)}
        found = asyncio.run(sample_in_flight(engine, models, 40))
        assert engine.canary is not None
        for prompt, said in zip(PROMPTS, found, strict=True):
            assert set(said.versions) == {0, 1, 2}
            expected = score_in_flight(models, said, prompt)
            assert said.logprobs == pytest.approx(expected, abs=1e-3)
    finally:
        engine.close()


@pytest.mark.parametrize(
    ("engine", "in_flight"), [("vllm", "false"), ("vllm", "true"), ("server", "false")]
)
def test_ten_steps_ahead(engine: str, in_flight: str, tmp_path: Path) -> None:
    recipe = small(
        *(f"engine={engine}", "rollout.ahead=1", f"rollout.in_flight={in_flight}"),
        *("sampling.max_tokens=32", "rl.log_groups=8"),
    )
    train(recipe, tmp_path / "run", SilentObserver())
    rows = steps_of(tmp_path / "run")
    assert len(rows) == 10
    for row in rows:
        assert row["staleness_most"] <= 1
        assert row.get("gap", 0.0) < 1e-3
        assert row["canary_gap"] < 1e-3
    mixed = sum(
        bool(trace["versions"])
        for path in (tmp_path / "run/trajectories").glob("rl-*")
        for _, row in read_jsonl(path)
        for trace in row["traces"]
    )
    assert (mixed > 0) == (in_flight == "true")
