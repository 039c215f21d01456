"""What the tests of vLLM share."""

from pathlib import Path
from typing import Any, Literal

import pytest
import torch

from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.build import start_for_training
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.agents.policy import SamplingParams
from gym_reason.types import Completion
from tests.agents.loop_backends import TOKENIZER

PROMPTS = [TOKENIZER.encode(text) for text in ("1+1=", "347+285=", "9", "12345678901234567")]
GREEDY = SamplingParams(16, 0.0)


def start(
    model: Any,
    folder: Path,
    settings: VllmSettings | None = None,
    kind: Literal["vllm", "server"] = "vllm",
) -> VllmEngine:
    return start_for_training(
        kind, settings or VllmSettings(max_rows=64), model, TOKENIZER,
        temperature=1.0, dtype=None, folder=folder,
    )  # fmt: skip


def change(model: Any) -> None:
    """Take a step that no sampler can miss."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(0.05 * torch.randn(weight.shape, generator=generator))


def score(model: Any, prompt: list[int], said: Completion, temperature: float) -> list[float]:
    ids = torch.tensor([[*prompt, *said.token_ids]])
    with torch.inference_mode():
        logits_TV = model(input_ids=ids).logits[0, len(prompt) - 1 : -1] / temperature
    logps_TV = torch.log_softmax(logits_TV, -1)
    found: list[float] = logps_TV.gather(1, ids[0, len(prompt) :, None]).squeeze(1).tolist()
    return found


def assert_like_local(engine: VllmEngine, model: Any, params: SamplingParams) -> None:
    local = LocalEngine(model, TOKENIZER)
    pairs = zip(engine.generate(PROMPTS, params), local.generate(PROMPTS, params), strict=True)
    for found, expected in pairs:
        assert (found.token_ids, found.text, found.finish_reason) == (
            expected.token_ids, expected.text, expected.finish_reason
        )  # fmt: skip
        assert found.logprobs == pytest.approx(expected.logprobs, abs=1e-3)
