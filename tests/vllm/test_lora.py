"""LoRA adapters that vLLM applies itself, beside the model that trains with peft's layers."""

import asyncio
import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.build import start_for_training
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.lora import LAYERS, LoraRoom
from gym_reason.agents.engines.vllm.settings import EngineKind, VllmSettings
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError
from gym_reason.trainers.model.adapter_settings import AdapterSettings
from gym_reason.trainers.model.adapters import Adapter, make_adapter
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.train import train
from gym_reason.types import Completion
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.agents.test_engine_versions import score_in_flight
from tests.vllm.comparisons import GREEDY, PROMPTS, score
from tests.vllm.test_runs import SMALL, steps_of


def start_adapted(
    kind: EngineKind,
    model: Any,
    folder: Path,
    layers: tuple[str, ...] = LAYERS,
    *,
    rank: int = 4,
    in_flight: bool = False,
) -> tuple[VllmEngine, Adapter]:
    """Return an engine that follows a LoRA adapter on a model, and the adapter."""
    engine = start_for_training(
        kind, VllmSettings(max_rows=64), model, TOKENIZER,
        temperature=1.0, dtype=None, folder=folder, in_flight=in_flight,
        lora=LoraRoom(rank, layers),
    )  # fmt: skip
    settings = AdapterSettings(kind="lora", rank=rank, alpha=6.0, target_modules=layers)
    adapter = make_adapter(model, settings, 1, None)
    engine.before_refresh = adapter.merge
    engine.follow_adapter(adapter.low_rank)
    return engine, adapter


def learn(adapter: Adapter, seed: int) -> None:
    """Take a step that no sampler can miss."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weight in adapter.model.parameters():
            if weight.requires_grad:
                weight.add_(0.15 * torch.randn(weight.shape, generator=generator))


def assert_like_peft(engine: VllmEngine, adapter: Adapter) -> None:
    """Compare tokens and log-probabilities with those of peft's layers, which nobody merged."""
    local = LocalEngine(adapter.plain, TOKENIZER)
    found = engine.generate(PROMPTS, GREEDY)
    for prompt, said, expected in zip(PROMPTS, found, local.generate(PROMPTS, GREEDY), strict=True):
        assert said.token_ids == expected.token_ids
        assert said.logprobs == pytest.approx(score(adapter.model, prompt, said, 1.0), abs=1e-3)


@pytest.mark.parametrize("kind", ["vllm", "server"])
def test_vllm_applies_what_the_adapter_learned(kind: EngineKind, tmp_path: Path) -> None:
    engine, adapter = start_adapted(kind, small_model(), tmp_path)
    try:
        engine.refresh()
        whole = engine.figures()["sync_bytes"]
        assert_like_peft(engine, adapter)
        said = []
        for version in (1, 2, 3):
            learn(adapter, version)
            engine.update_weights()
            assert_like_peft(engine, adapter)
            assert engine.figures()["sync_bytes"] < whole / 4
            assert engine.figures()["canary_gap"] < 1e-3
            (one,) = engine.generate(PROMPTS[1:2], GREEDY)
            assert one.policy_version == version
            said.append(one)
        # The same prompt three times: no key or value of an older adapter was used again.
        assert len({one.logprobs for one in said}) == 3
    finally:
        engine.close()
    assert [path.name for path in tmp_path.iterdir()] == ["vllm.log"] * (kind == "server")


def test_heads_that_were_widened_get_wider_matrices(tmp_path: Path) -> None:
    model = build_preset("0.1m", len(TOKENIZER), max_positions=64)
    engine, adapter = start_adapted("vllm", model, tmp_path, rank=9)
    try:
        for seed in (1, 2):
            learn(adapter, seed)
            engine.update_weights()
            assert_like_peft(engine, adapter)
    finally:
        engine.close()


def test_some_layers_alone_and_samples_at_once(tmp_path: Path) -> None:
    engine, adapter = start_adapted("vllm", small_model(), tmp_path, ("q_proj", "down_proj"))

    async def ask() -> list[Any]:
        params = [SamplingParams(16, seed=seed) for seed in range(16)]
        return await asyncio.gather(*(engine.sample(PROMPTS[0], one) for one in params))

    try:
        learn(adapter, 1)
        engine.update_weights()
        for said in asyncio.run(ask()):
            expected = score(adapter.model, PROMPTS[0], said, 1.0)
            assert said.logprobs == pytest.approx(expected, abs=1e-3)
    finally:
        engine.close()


def test_all_weights_may_learn_before_the_adapter_and_after(tmp_path: Path) -> None:
    model = small_model()
    engine, adapter = start_adapted("vllm", model, tmp_path)
    try:
        learn(adapter, 1)
        engine.update_weights()
        assert_like_peft(engine, adapter)
        engine.before_refresh = None
        engine.follow_adapter(None)
        with torch.no_grad():
            model.model.layers[0].mlp.down_proj.weight.add_(0.5)
        engine.update_weights()
        assert engine.figures()["canary_gap"] < 1e-3
    finally:
        engine.close()


def test_a_wrong_adapter_is_found_by_the_canary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, adapter = start_adapted("vllm", small_model(), tmp_path)

    def lose(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: w for name, w in tensors.items() if "layers.1.mlp.down_proj" not in name}

    def turn(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: -w if "lora_B" in name else w for name, w in tensors.items()}

    def cut(tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        return {name: w for name, w in tensors.items() if "q_proj.lora_B" not in name}

    try:
        engine.refresh()
        learn(adapter, 1)
        for damage in (lose, turn):
            with monkeypatch.context() as patch:
                patch.setattr(engine, "_translate_adapter", damage)
                with pytest.raises(RunError, match=r"canary prompt .* vllm\.adapter = 'merged'"):
                    engine.update_weights()
        with monkeypatch.context() as patch:
            patch.setattr(engine, "_translate_adapter", cut)
            with pytest.raises(RunError, match="vLLM"):
                engine.update_weights()
    finally:
        engine.close()


def test_each_token_is_of_the_version_that_it_says(tmp_path: Path) -> None:
    engine, adapter = start_adapted("vllm", small_model(), tmp_path, in_flight=True)
    engine.stop_token_ids = ()
    models: dict[int, Any] = {}

    async def sample() -> list[Completion]:
        params = [SamplingParams(40, seed=seed, stop_token_ids=()) for seed in range(len(PROMPTS))]
        pairs = zip(PROMPTS, params, strict=True)
        running = [asyncio.create_task(engine.sample(*pair)) for pair in pairs]
        await asyncio.sleep(0)
        begun = engine.pulse
        for version in (1, 2):
            while engine.pulse < begun + 10 * version:
                await asyncio.sleep(0.001)
            learn(adapter, version)
            engine.update_weights(version)
            models[version] = copy.deepcopy(adapter.model)
        return [await one for one in running]

    try:
        learn(adapter, 9)
        engine.refresh()
        models[0] = copy.deepcopy(adapter.model)
        for prompt, said in zip(PROMPTS, asyncio.run(sample()), strict=True):
            assert set(said.versions) == {0, 1, 2}
            expected = score_in_flight(models, said, prompt)
            assert said.logprobs == pytest.approx(expected, abs=1e-3)
    finally:
        engine.close()


@pytest.mark.parametrize(
    "overrides",
    [
        ("engine=vllm",),
        ("engine=server",),
        ("engine=vllm", "rollout.ahead=1"),
        ("engine=vllm", "rollout.ahead=1", "rollout.in_flight=true"),
    ],
    ids=lambda overrides: " ".join(overrides),
)
def test_four_steps_of_grpo_on_an_adapter_alone(overrides: tuple[str, ...], tmp_path: Path) -> None:
    recipe: Recipe = load_recipe(
        "grpo-lora", [*SMALL, *overrides, "vllm.adapter=alone", "rl.steps=4", "cold_start.steps=1"]
    )
    train(recipe, tmp_path / "run", SilentObserver())
    rows = steps_of(tmp_path / "run")
    assert len(rows) == 4
    assert sum(bool(row["updates"]) for row in rows) >= 3
    for row in rows:
        assert row.get("gap", 0.0) < 1e-3
        assert row["canary_gap"] < 1e-3
    assert rows[-1]["sync_bytes"] < max(row["sync_bytes"] for row in rows) / 2
