"""A vision-language model on real vLLM, beside the same model on transformers."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gym_reason.agents.build import load_policy
from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.engines.vllm.engine import VllmEngine
from gym_reason.agents.images import ImageEncoder, open_image
from gym_reason.agents.policy import PromptWithImages, SamplingParams
from gym_reason.errors import RunError
from gym_reason.images import find_kind
from gym_reason.types import Completion, Message
from tests.agents.vision_models import picture, save_vision_model, vision_processor

PROCESSOR: Any = vision_processor()
FIRST, OTHER, SECOND = picture(0), picture(1), picture(2, 50, 90)
GREEDY = SamplingParams(12, 0.0)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("vision")


@pytest.fixture(scope="module")
def model(folder: Path) -> Any:
    torch.set_num_threads(1)
    return save_vision_model(folder)


@pytest.fixture(scope="module", params=["vllm", "server"])
def loaded(
    request: pytest.FixtureRequest, folder: Path, model: Any
) -> Iterator[tuple[VllmEngine, ChatEncoder]]:
    del model  # It is in the folder.
    engine, encoder = load_policy(str(folder), f"{request.param}:max_rows=16")
    assert isinstance(engine, VllmEngine)
    yield engine, encoder
    engine.close()


def ask(*images: bytes, words: str = "what is it") -> tuple[Message, ...]:
    return (Message("user", words, images),)


def score(model: Any, prompt: tuple[int, ...], said: Completion) -> tuple[list[int], list[float]]:
    """Return the likeliest token at each place of a completion, and the log-probability there."""
    ids = torch.tensor([[*prompt, *said.token_ids]])
    seen: dict[str, Any] = {}
    if isinstance(prompt, PromptWithImages):
        read = PROCESSOR.image_processor(
            [[open_image(one) for one in prompt.images]], return_tensors="pt"
        )
        seen = {name: read[name] for name in ("pixel_values", "pixel_attention_mask")}
    with torch.no_grad():
        logits_TV = model(input_ids=ids, attention_mask=torch.ones_like(ids), **seen).logits[0]
    logits_TV = logits_TV[len(prompt) - 1 : -1]
    logits_TV[:, PROCESSOR.tokenizer.convert_tokens_to_ids("<image>")] = -torch.inf
    logps_TV = torch.log_softmax(logits_TV, -1)
    own = logps_TV.gather(1, torch.tensor(said.token_ids)[:, None]).squeeze(1)
    return logps_TV.argmax(-1).tolist(), own.tolist()


def assert_like_the_model(model: Any, prompt: tuple[int, ...], said: Completion) -> None:
    likeliest, logprobs = score(model, prompt, said)
    assert list(said.token_ids) == likeliest
    assert said.logprobs == pytest.approx(logprobs, abs=1e-3)


def test_completions_are_those_of_the_model(
    loaded: tuple[VllmEngine, ChatEncoder], model: Any
) -> None:
    engine, encoder = loaded
    asked = [ask(FIRST), ask(OTHER), ask(FIRST, SECOND), ask(SECOND, FIRST), ask()]
    prompts = [encoder.encode_prompt(messages) for messages in asked]
    assert len(prompts[0]) == len(prompts[1])
    completions: list[Completion] = []
    # The second time the keys and values of all that came before are there.
    for _ in range(2):
        completions = engine.generate(prompts, GREEDY)
        for prompt, said in zip(prompts, completions, strict=True):
            assert_like_the_model(model, prompt, said)
    assert completions[0].token_ids != completions[1].token_ids
    assert completions[0].policy_version == engine.version


def test_a_conversation_goes_on_with_further_images(
    loaded: tuple[VllmEngine, ChatEncoder], model: Any
) -> None:
    engine, encoder = loaded

    async def talk() -> Conversation:
        conversation = Conversation(ask(FIRST), encoder)
        for image in (SECOND, OTHER):
            prompt = conversation.prompt_ids()
            said = await engine.sample(prompt, GREEDY)
            assert_like_the_model(model, prompt, said)
            conversation.add_completion(said)
            conversation.add_message(Message("user", "and now", (image,)))
        return conversation

    conversation = asyncio.run(talk())
    prompt = conversation.prompt_ids()
    assert isinstance(prompt, PromptWithImages)
    assert prompt.images == (FIRST, SECOND, OTHER)


def test_another_idea_of_the_tokens_of_an_image_is_noticed(
    loaded: tuple[VllmEngine, ChatEncoder],
) -> None:
    engine, _ = loaded
    processor: Any = vision_processor()
    processor.image_seq_len += 1
    encoder = ChatEncoder(processor.tokenizer, images=ImageEncoder(processor))
    with pytest.raises(RunError, match="vLLM read a prompt with images as"):
        engine.generate([encoder.encode_prompt(ask(FIRST))], GREEDY)
    engine.generate([encoder.encode_prompt(ask())], GREEDY)


def test_the_command_plays_a_phone_by_its_screenshots(
    folder: Path, model: Any, tmp_path: Path
) -> None:
    del model
    words = ["eval", "gym_reason/MobileScreen-v0", "seen=screenshot", "prompt_style=bare"]
    words += ["max_turns=3", "--policy", str(folder), "--engine", "vllm:max_rows=16"]
    words += ["--limit", "2", "--max-tokens", "8", "--out", str(tmp_path / "out"), "--json"]
    # A process of its own: there is one vLLM in each, and the command's ends with it.
    done = subprocess.run(
        [sys.executable, "-m", "gym_reason", *words], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["results"]
    assert (row["tasks"], row["unscorable"]) == (2, 0)
    kept = list((tmp_path / "out" / "trajectories" / "images").iterdir())
    assert {find_kind(path.read_bytes()) for path in kept} == {"png"}
    lines = (tmp_path / "out" / "trajectories" / "episodes.jsonl").read_text("utf-8").splitlines()
    for line in lines:
        episode = json.loads(line)
        names = [name for one in episode["messages"] for name in one["images"]]
        assert len(names) == len(episode["turns"]) == 3
        assert set(names) <= {path.name for path in kept}
