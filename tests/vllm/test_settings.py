"""vLLM in this process with one setting or another: an engine of its own for each test."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.engines.vllm.build import start_on_folder
from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.agents.models import build_preset, save_model
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import RunError, UsageError
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.vllm.comparisons import GREEDY, PROMPTS, assert_like_local, change, score, start


@pytest.fixture
def model() -> Any:
    return small_model()


def test_a_sync_brings_every_weight_and_forgets_every_prompt(model: Any, tmp_path: Path) -> None:
    for settings in (VllmSettings(max_rows=64), VllmSettings(max_rows=64, sync="folder")):
        engine = start(model, tmp_path, settings)
        for version in (1, 2):
            assert_like_local(engine, model, GREEDY)
            change(model)
            engine.update_weights()
            assert_like_local(engine, model, GREEDY)
            assert engine.generate(PROMPTS[:1], GREEDY)[0].policy_version == version
            assert engine.figures()["canary_gap"] < 1e-3
        engine.close()
    assert list(tmp_path.iterdir()) == []


def test_samples_of_a_prompt_go_out_as_one(model: Any, tmp_path: Path) -> None:
    engine = start(model, tmp_path, VllmSettings(max_rows=64, own_seeds=False))
    said = engine.generate([PROMPTS[0]] * 8 + [PROMPTS[1]] * 8, SamplingParams(12))
    assert len({one.token_ids for one in said[:8]}) > 1
    for prompt, one in zip([PROMPTS[0]] * 8 + [PROMPTS[1]] * 8, said, strict=True):
        assert one.logprobs == pytest.approx(score(model, prompt, one, 1.0), abs=1e-3)
    engine.close()


def test_a_folder_is_sampled_with_its_own_weights(model: Any, tmp_path: Path) -> None:
    save_model(model, TOKENIZER, tmp_path)
    engine, _ = start_on_folder("vllm", VllmSettings(max_rows=64), tmp_path)
    assert_like_local(engine, model, GREEDY)
    engine.rest()
    engine.refresh()
    assert_like_local(engine, model, GREEDY)
    engine.close()


def test_a_hung_engine_ends_the_wait_and_the_next_one(model: Any, tmp_path: Path) -> None:
    engine = start(model, tmp_path, VllmSettings(max_rows=64, timeout_s=1.0))
    engine.refresh()
    stuck = threading.Event()
    backend: Any = engine._backend
    backend._inbox.put(stuck.wait)
    with pytest.raises(RunError, match="vLLM gave no sign of life for 1 s while it was generating"):
        asyncio.run(engine.sample(PROMPTS[0], SamplingParams(4)))
    with pytest.raises(RunError, match="no sign of life"):
        engine.update_weights()
    stuck.set()
    engine.close()


def test_a_server_takes_weights_after_a_trainer_that_died_in_the_middle_of_a_sync(
    model: Any, tmp_path: Path
) -> None:
    engine = start(model, tmp_path, VllmSettings(max_rows=64), kind="server")
    try:
        change(model)
        engine.update_weights()
        backend: Any = engine._backend
        backend._ask("/start_weight_update", None, "being left alone")
        for _ in range(2):
            change(model)
            engine.update_weights()
            assert_like_local(engine, model, GREEDY)
    finally:
        engine.close()


def test_heads_too_narrow_for_vllm_are_widened(tmp_path: Path) -> None:
    model = build_preset("0.1m", len(TOKENIZER), max_positions=64)
    change(model)
    engine = start(model, tmp_path)
    for _ in range(2):
        assert_like_local(engine, model, GREEDY)
        change(model)
        engine.update_weights()
    engine.close()
    save_model(model, TOKENIZER, tmp_path)
    engine, _ = start_on_folder("vllm", VllmSettings(max_rows=64), tmp_path)
    assert_like_local(engine, model, GREEDY)
    engine.close()


def test_there_is_one_in_a_process_and_another_after_it(model: Any, tmp_path: Path) -> None:
    engine = start(model, tmp_path)
    with pytest.raises(UsageError, match="a second vLLM in one process"):
        start(model, tmp_path)
    assert_like_local(engine, model, GREEDY)
    engine.close()
    engine = start(model, tmp_path)
    assert_like_local(engine, model, GREEDY)
    engine.close()
