"""Gradient checkpointing, bf16 and 8-bit optimisers."""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import UsageError
from gym_reason.records import read_jsonl
from gym_reason.trainers.model.learner import build_learner
from gym_reason.trainers.model.logprobs import score_tokens
from gym_reason.trainers.model.optimiser import make_optimiser
from gym_reason.trainers.observer import SilentObserver
from gym_reason.trainers.recipe import load_recipe
from gym_reason.trainers.settings import ModelSettings, OptimiserSettings
from gym_reason.trainers.train import train

MODEL = ModelSettings(size="0.1m", device="cpu", cache_bytes=1 << 24)


@pytest.mark.parametrize("training", [False, True], ids=["evaluation mode", "training mode"])
def test_checkpointing_runs_layers_twice_and_gives_the_same_gradient(training: bool) -> None:
    ids_NL = torch.randint(0, 90, (3, 12), generator=torch.Generator().manual_seed(0))
    gradients, calls = [], []
    for checkpointing in (False, True):
        settings = ModelSettings(
            size="0.1m", device="cpu", cache_bytes=1 << 24, gradient_checkpointing=checkpointing
        )
        model = build_learner(settings, 0, None).model
        model.train(training)
        seen: list[int] = []
        decoder: Any = model.get_decoder()  # type: ignore[no-untyped-call]
        decoder.layers[0].mlp.register_forward_pre_hook(lambda *_, seen=seen: seen.append(1))
        scores = score_tokens(model, ids_NL, start=2)
        scores.logps_NT.sum().backward()  # type: ignore[no-untyped-call]
        gradients.append([weight.grad for weight in model.parameters()])
        calls.append(len(seen))
    assert calls == [1, 2]
    for plain, checkpointed in zip(*gradients, strict=True):
        assert plain is not None
        assert checkpointed is not None
        assert torch.allclose(plain, checkpointed, atol=1e-6)


def test_a_checkpointed_model_is_sampled_from_as_before() -> None:
    params = SamplingParams(max_tokens=8, temperature=0.0)
    plain, checkpointed = (
        build_learner(settings, 0, None)
        for settings in (
            MODEL,
            ModelSettings(
                size="0.1m", device="cpu", cache_bytes=1 << 24, gradient_checkpointing=True
            ),
        )
    )
    assert isinstance(plain.engine, LocalEngine)
    assert isinstance(checkpointed.engine, LocalEngine)
    assert type(plain.engine.decoder) is type(checkpointed.engine.decoder)
    found = [learner.engine.generate([[1, 5, 6]], params) for learner in (plain, checkpointed)]
    assert found[0][0].token_ids == found[1][0].token_ids


def test_a_run_in_bf16_finishes_under_the_alarm(tmp_path: Path) -> None:
    recipe = load_recipe(
        "demo",
        [
            *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "model.device=cpu"),
            *("model.precision=bf16", "model.gradient_checkpointing=true"),
            *("evaluation.problems=4", "sampling.max_tokens=12", "cold_start.steps=2"),
            *("cold_start.problems=8", "cold_start.batch_rows=4", "rl.steps=2"),
            *("rl.tasks_per_step=4", "rl.samples_per_task=4", "rl.minibatch_rows=4"),
            *("rl.filter=keep_all", "rl.entropy={bonus=0.01}", "adapter.kind=lora"),
            "adapter.from_stage=rl",
        ],
    )
    train(recipe, tmp_path / "run", SilentObserver())
    rows = [row for _, row in read_jsonl(tmp_path / "run/metrics.jsonl") if row["stage"] == "rl"]
    assert len(rows) == 2
    assert all(0.0 < row["gap"] < recipe.rl.mismatch.gap_limit for row in rows)


def test_without_bitsandbytes_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "bitsandbytes" else find(name)
    )
    weights = [torch.nn.Parameter(torch.zeros(2))]
    with pytest.raises(UsageError, match="pip install bitsandbytes") as error:
        make_optimiser(weights, OptimiserSettings(lr=1e-3, kind="adamw8bit"))
    assert "\n" not in str(error.value)


def test_a_run_in_8_bits_resumes_bit_for_bit(tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes")
    recipe = load_recipe(
        "demo",
        [
            *("model.threads=1", "model.matmul=highest", "model.size=0.1m", "model.device=cpu"),
            *("evaluation.problems=4", "sampling.max_tokens=12", "cold_start.steps=4"),
            *("cold_start.problems=8", "cold_start.batch_rows=4", "rl.steps=0"),
            *("checkpoint.keep=9", "cold_start.optimiser={lr=1e-3, kind='adamw8bit'}"),
        ],
    )
    whole, part = tmp_path / "whole", tmp_path / "part"
    train(recipe, whole, SilentObserver())
    shutil.copytree(whole, part, symlinks=True)
    for step in (3, 4):
        shutil.rmtree(part / f"checkpoints/step-{step:06d}")
    train(recipe, part, SilentObserver(), resume=True)
    expected, found = (
        safetensors.torch.load_file(folder / "checkpoints/last/model/model.safetensors")
        for folder in (whole, part)
    )
    assert all(torch.equal(expected[name], found[name]) for name in expected)


def test_an_optimiser_holds_only_what_learns() -> None:
    frozen = torch.nn.Parameter(torch.zeros(2), requires_grad=False)
    learned = torch.nn.Parameter(torch.zeros(2))
    optimiser = make_optimiser([frozen, learned], OptimiserSettings(lr=1e-3))
    assert optimiser.param_groups[0]["params"] == [learned]
