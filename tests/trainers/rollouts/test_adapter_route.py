"""Which recipes give vLLM an adapter alone, and which are told that they cannot."""

from typing import Any

import pytest
from transformers import GPT2Config, GPT2LMHeadModel

from gym_reason.agents.engines.vllm.lora import LAYERS, LoraRoom
from gym_reason.agents.models import build_preset
from gym_reason.errors import ConfigError
from gym_reason.trainers.recipe import Recipe, load_recipe
from gym_reason.trainers.rollouts.adapter_route import choose_room
from gym_reason.trainers.rollouts.engines import check_engine

URL = "vllm.base_url='http://127.0.0.1:8000'"  # so that no vLLM is needed here


def recipe_with(*overrides: str, name: str = "grpo-lora") -> Recipe:
    return load_recipe(name, ["engine=server", URL, *overrides])


def small_model(device: str = "cpu") -> Any:
    model: Any = build_preset("0.1m", 18)
    return model.to(device)


def test_an_adapter_goes_alone_where_that_is_asked_for() -> None:
    recipe = recipe_with("vllm.adapter=alone", "adapter.rank=5")
    check_engine(recipe)
    room = choose_room(recipe, small_model())
    assert room is not None
    assert room.rank == 5
    assert set(room.layers) == set(LAYERS)
    some = recipe_with("vllm.adapter=alone", "adapter.target_modules=['q_proj','v_proj']")
    assert choose_room(some, small_model()) == LoraRoom(8, ("q_proj", "v_proj"))


@pytest.mark.parametrize(
    ("overrides", "device", "alone"),
    [
        ((), "cpu", False),
        ((), "meta", True),
        (("vllm.adapter=merged",), "meta", False),
        (("adapter.kind=dora",), "meta", False),
        (("adapter.kind=none",), "meta", False),
        (("adapter.target_modules=['embed_tokens']",), "meta", False),
        (("adapter.rank=1000",), "meta", False),
        (("rollout.ahead=1",), "meta", True),
        (("vllm.sync=nccl",), "meta", False),
        ((URL,), "meta", False),
    ],
)
def test_by_itself_it_goes_alone_on_a_gpu_where_it_can(
    overrides: tuple[str, ...], device: str, alone: bool
) -> None:
    # Weights on no device at all stand for those on a GPU: all that is read is that it is no CPU.
    recipe = load_recipe("grpo-lora", ["engine=server", *overrides])
    assert (choose_room(recipe, small_model(device)) is not None) == alone


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("adapter.kind=none",), "adapter.kind = 'lora'"),
        (("adapter.kind=dora",), "adapter.kind = 'lora'"),
        (("adapter.kind=ia3",), "adapter.kind = 'lora'"),
        (("adapter.rank=513",), "at most 512"),
        (("adapter.target_modules=['lm_head']",), "an adapter on lm_head"),
        (("rollout.backend=ray",), "rollout.backend = 'local'"),
        (("vllm.sync=ipc",), "vllm.sync = 'auto'"),
    ],
)
def test_what_cannot_go_alone_is_refused_in_one_line(
    overrides: tuple[str, ...], words: str
) -> None:
    recipe = recipe_with("vllm.adapter=alone", *overrides)
    with pytest.raises(ConfigError, match=words) as error:
        check_engine(recipe)
    assert "\n" not in str(error.value)
    assert "'merged'" in str(error.value)


def test_layers_that_vllm_does_not_know_are_found_once_the_model_is_there() -> None:
    model = GPT2LMHeadModel(GPT2Config(vocab_size=18, n_embd=32, n_layer=1, n_head=1))
    recipe = recipe_with("vllm.adapter=alone", "adapter.target_modules=[]")
    model.transformer.extra = model.lm_head  # a linear layer of a strange name
    with pytest.raises(ConfigError, match="an adapter on extra"):
        choose_room(recipe, model)
    assert choose_room(recipe_with(), model) is None
