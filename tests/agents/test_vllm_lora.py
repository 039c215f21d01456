"""LoRA adapters on their way to vLLM: what is sent, when, and what is noticed."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from gym_reason.agents.engines.vllm.build import start_for_training
from gym_reason.agents.engines.vllm.canary import Canary
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.engines.vllm.heads import widen_matrices, widen_weights
from gym_reason.agents.engines.vllm.http import LOAD_ADAPTER, UNLOAD_ADAPTER
from gym_reason.agents.engines.vllm.lora import (
    LAYERS,
    LoraMatrices,
    LoraRoom,
    offer_adapter,
    read_matrices,
)
from gym_reason.agents.engines.vllm.server import GENERATE
from gym_reason.agents.engines.vllm.settings import VllmSettings
from gym_reason.agents.engines.vllm.weights import named_weights
from gym_reason.agents.models import build_preset
from gym_reason.agents.policy import AdaptedPolicy, SamplingParams
from gym_reason.errors import RunError
from tests.agents.loop_backends import TOKENIZER, LoopBackend, LoopServer, run_server, small_model

PREFIX = "base_model.model."
PROMPTS = [TOKENIZER.encode(text) for text in ("1+1=", "347+285=")]


class Matrices:
    """An adapter of random matrices on a model, which it keeps merged."""

    rank, alpha = 3, 5.0

    def __init__(self, model: Any, layers: tuple[str, ...] = LAYERS) -> None:
        self.model = model
        self._base = {name: w.clone() for name, w in named_weights(model).items()}
        self._targets = {
            name.removesuffix(".weight"): weight
            for name, weight in self._base.items()
            if name.split(".")[-2] in layers
        }
        self.learn(0)

    def learn(self, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        self._tensors = {}
        for name, weight in self._targets.items():
            down = 0.2 * torch.randn(self.rank, weight.shape[1], generator=generator)
            up = 0.2 * torch.randn(weight.shape[0], self.rank, generator=generator)
            self._tensors[f"{PREFIX}{name}.lora_A.weight"] = down
            self._tensors[f"{PREFIX}{name}.lora_B.weight"] = up

    def merge(self) -> None:
        with torch.no_grad():
            for name, weight in self.merged().items():
                self.model.get_parameter(name).copy_(weight)

    def merged(self) -> dict[str, Tensor]:
        return add_matrices(self._base, self._tensors, self.alpha / self.rank)

    def base_weights(self) -> Mapping[str, Tensor]:
        return self._base

    def state(self) -> Mapping[str, Tensor]:
        return self._tensors


def add_matrices(
    weights: Mapping[str, Tensor], tensors: Mapping[str, Tensor], scale: float
) -> dict[str, Tensor]:
    """Return the weights that an adapter changes, with what it adds."""
    found = {}
    for name, down in tensors.items():
        if name.endswith("lora_A.weight"):
            up = tensors[name.replace("lora_A", "lora_B")]
            of = name.removeprefix(PREFIX).replace("lora_A.weight", "weight")
            found[of] = weights[of] + scale * (up @ down)
    return found


@pytest.fixture
def server() -> Iterator[LoopServer]:
    with run_server(small_model(seed=1)) as server:
        yield server


def follow(adapter: Matrices) -> tuple[VllmEngine, LoopBackend]:
    backend = LoopBackend(small_model(seed=1))
    canary = Canary(len(TOKENIZER), 64, temperature=1.0, dtype=torch.float32, limit=0.002)
    engine = VllmEngine(
        backend, TOKENIZER, (2,), len(TOKENIZER),
        model=adapter.model, canary=canary, translate_adapter=dict,
    )  # fmt: skip
    assert isinstance(engine, AdaptedPolicy)
    engine.before_refresh = adapter.merge
    engine.follow_adapter(adapter)
    return engine, backend


@pytest.mark.parametrize("width", [16, 32, 64])
def test_wider_matrices_add_to_wider_weights_what_the_matrices_add(width: int) -> None:
    adapter = Matrices(build_preset("0.1m", len(TOKENIZER)))
    scale = adapter.alpha / adapter.rank
    wide = widen_weights(adapter.base_weights(), 16, width)
    tensors = widen_matrices(adapter.state(), 16, width)
    found = add_matrices(wide, tensors, scale)
    expected = widen_weights(adapter.merged(), 16, width)
    assert found.keys() == expected.keys()
    for name, weight in expected.items():
        assert torch.allclose(found[name], weight, atol=1e-6), name
    assert width == 16 or any(tensors[name].shape != w.shape for name, w in adapter.state().items())


@settings(max_examples=25)
@given(st.integers(1, 512), st.sets(st.sampled_from(LAYERS), min_size=1))
def test_there_is_room_for_every_rank(rank: int, layers: set[str]) -> None:
    found = LoraRoom(rank, tuple(layers)).arguments()
    assert rank <= found["max_lora_rank"] < max(2 * rank, 9)
    assert found["max_loras"] == 1
    assert set(found["lora_target_modules"]) == layers


def test_a_folder_holds_an_adapter_and_is_gone_after_it(tmp_path: Path) -> None:
    adapter = Matrices(small_model(), ("q_proj", "down_proj"))
    sent = read_matrices(adapter, dict)
    with offer_adapter(sent, tmp_path / "1"):
        config = json.loads((tmp_path / "1/adapter_config.json").read_text("utf-8"))
        tensors = safetensors.torch.load_file(tmp_path / "1/adapter_model.safetensors")
    assert (config["r"], config["lora_alpha"]) == (3, 5.0)
    assert config["target_modules"] == ["down_proj", "q_proj"]
    assert tensors.keys() == adapter.state().keys()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_is_said_in_one_line(tmp_path: Path) -> None:
    sent = LoraMatrices(1, 1.0, {})
    with pytest.raises(RunError, match="cannot write"), offer_adapter(sent, tmp_path / "no/1"):
        pass


def test_what_is_more_than_two_matrices_is_refused() -> None:
    adapter = Matrices(small_model(), ("q_proj",))
    adapter._tensors["base_model.model.x.q_proj.lora_magnitude_vector"] = torch.ones(3)
    with pytest.raises(RunError, match="lora_magnitude_vector"):
        read_matrices(adapter, dict)


def test_the_weights_that_stay_go_once_and_the_adapter_each_time() -> None:
    adapter = Matrices(small_model())
    engine, backend = follow(adapter)
    sizes = []
    for version in (1, 2, 3):
        adapter.learn(version)
        engine.update_weights()
        sizes.append(engine.figures()["sync_bytes"])
        assert engine.figures()["canary_gap"] < 1e-4
        assert engine.generate(PROMPTS, SamplingParams(2))[0].policy_version == version
    assert backend.loads == [1]
    assert len(backend.adapters) == 3
    assert sizes[0] > sizes[1] == sizes[2]
    engine.follow(adapter.model)  # all weights learn again
    engine.refresh()
    assert backend.loads == [1, 3]
    assert len(backend.adapters) == 3


def test_the_weights_that_stay_are_kept_in_sleep() -> None:
    adapter = Matrices(small_model())
    engine, backend = follow(adapter)
    engine.refresh()
    before = engine.generate(PROMPTS, SamplingParams(8, 0.0))
    engine.rest()
    assert backend.asleep
    assert engine.generate(PROMPTS, SamplingParams(8, 0.0)) == before
    assert backend.loads == [0]


@pytest.mark.parametrize("part", ["layers.0.self_attn.v_proj", "layers.1.mlp.down_proj"])
def test_matrices_that_do_not_arrive_stop_the_run(part: str) -> None:
    adapter = Matrices(small_model())
    engine, _ = follow(adapter)

    def lose(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: weight for name, weight in tensors.items() if part not in name}

    engine.refresh()
    engine._translate_adapter = lose
    with pytest.raises(RunError, match="canary prompt after the sync of version 1"):
        engine.update_weights()


def test_a_server_gets_each_adapter_under_a_name_of_its_own(
    server: LoopServer, tmp_path: Path
) -> None:
    adapter = Matrices(small_model())
    engine = start_for_training(
        "server", VllmSettings(base_url=server.url, sync="folder"), adapter.model, TOKENIZER,
        temperature=1.0, dtype=None, folder=tmp_path, lora=LoraRoom(3, LAYERS),
    )  # fmt: skip
    names = set()
    try:
        engine.before_refresh = adapter.merge
        engine.follow_adapter(adapter)
        for version in (1, 2, 3):
            adapter.learn(version)
            engine.update_weights()
            assert engine.figures()["canary_gap"] < 1e-4
            (name,) = server.adapters
            names.add(name)
    finally:
        engine.close()
    assert len(names) == 3
    assert server.adapters == []
    assert list(tmp_path.iterdir()) == []
    asked = [path for path in server.asked if path not in (GENERATE, "/reset_prefix_cache")]
    assert asked.count("/update_weights") == 1
    # One more: whether there is room is asked before anything is sent.
    assert asked.count(LOAD_ADAPTER) == 4
    assert asked.count(UNLOAD_ADAPTER) == 3


def test_a_server_without_room_is_refused_before_anything_is_sent(
    server: LoopServer, tmp_path: Path
) -> None:
    server.answers[LOAD_ADAPTER] = 404, b'{"detail": "Not Found"}'
    with pytest.raises(RunError, match="VLLM_ALLOW_RUNTIME_LORA_UPDATING=1") as error:
        start_for_training(
            "server", VllmSettings(base_url=server.url), small_model(), TOKENIZER,
            temperature=1.0, dtype=None, folder=tmp_path, lora=LoraRoom(3, LAYERS),
        )  # fmt: skip
    assert "\n" not in str(error.value)
    assert "/update_weights" not in server.asked
