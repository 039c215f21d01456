"""Images in prompts: the tokens that stand for them, turn after turn, and who refuses them."""

import pickle
from pathlib import Path
from typing import Any

import pytest

from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.engines.local import LocalEngine
from gym_reason.agents.engines.vllm.orders import Order, check_expansion, sampling_arguments
from gym_reason.agents.policy import PromptWithImages, SamplingParams
from gym_reason.errors import ModelError, RunError, UsageError
from gym_reason.types import Completion, Message

pytest.importorskip("PIL")

from gym_reason.agents.images import ImageEncoder, open_image
from gym_reason.agents.models import load_model
from tests.agents.loop_backends import TOKENIZER, small_model
from tests.agents.vision_models import picture, vision_config, vision_processor

PROCESSOR: Any = vision_processor()
ENCODER = ChatEncoder(PROCESSOR.tokenizer, images=ImageEncoder(PROCESSOR))
FIRST, SECOND = picture(0), picture(1, 50, 90)
PLACEHOLDER = PROCESSOR.tokenizer.convert_tokens_to_ids("<image>")


def read_whole(text: str, *images: bytes) -> list[int]:
    """Return the tokens of a whole conversation as the model's processor gives them."""
    read = PROCESSOR(text=[text], images=[[open_image(one) for one in images]])
    ids: list[int] = read["input_ids"][0]
    return ids


def complete(text: str) -> Completion:
    ids = PROCESSOR.tokenizer.encode(text, add_special_tokens=False)
    ids.append(PROCESSOR.tokenizer.eos_token_id)
    return Completion(tuple(ids), (-0.5,) * len(ids), text, "stop")


def test_a_prompt_has_the_tokens_that_the_processor_gives_it() -> None:
    messages = (Message("system", "look"), Message("user", "two", (FIRST, SECOND)))
    prompt = ENCODER.encode_prompt(messages)
    assert isinstance(prompt, PromptWithImages)
    assert list(prompt) == read_whole(ENCODER.render(messages), FIRST, SECOND)
    assert prompt.images == (FIRST, SECOND)
    assert prompt.unexpanded.count(PLACEHOLDER) == 2
    assert len(prompt.unexpanded) < len(prompt)
    words = ENCODER.encode_prompt(messages[:1])
    assert not isinstance(words, PromptWithImages)


def test_later_images_extend_the_same_stream() -> None:
    conversation = Conversation((Message("user", "start"),), ENCODER)
    for turn, image in enumerate((FIRST, SECOND)):
        assert isinstance(conversation.prompt_ids(), PromptWithImages) == (turn > 0)
        conversation.add_completion(complete(f"tap {turn}"))
        conversation.end_turn()
        conversation.add_message(Message("user", f"screen {turn}", (image,)))
    prompt = conversation.prompt_ids()
    assert isinstance(prompt, PromptWithImages)
    assert list(prompt) == read_whole(ENCODER.render(conversation.messages), FIRST, SECOND)
    raw = PROCESSOR.tokenizer.encode(ENCODER.render(conversation.messages))
    assert list(prompt.unexpanded) == raw
    conversation.add_completion(complete("done"))
    (trace,) = conversation.traces()
    assert trace.ids[: len(prompt)] == tuple(prompt)


def test_forks_and_retractions_keep_the_images_in_step() -> None:
    conversation = Conversation((Message("user", "see", (FIRST,)),), ENCODER)
    conversation.prompt_ids()
    conversation.add_piece(complete("abc"))
    conversation.retract(2)
    fork = conversation.fork()
    fork.add_piece(complete("xy"))
    conversation.adopt(fork)
    conversation.end_message("axy")
    conversation.add_message(Message("user", "and", (SECOND,)))
    prompt = conversation.prompt_ids()
    assert isinstance(prompt, PromptWithImages)
    assert prompt.images == (FIRST, SECOND)
    expanded = {image: ENCODER.encode_prompt((Message("user", "", (image,)),)) for image in
                prompt.images}  # fmt: skip
    grown = sum(len(one) - len(one.unexpanded) for one in expanded.values()
                if isinstance(one, PromptWithImages))  # fmt: skip
    assert len(prompt) - len(prompt.unexpanded) == grown


def test_words_that_read_like_a_placeholder_stand_for_nothing() -> None:
    messages = (Message("user", "<image> <image>", (FIRST,)), Message("assistant", "<image>"))
    prompt = ENCODER.encode_prompt(messages)
    assert isinstance(prompt, PromptWithImages)
    assert prompt.unexpanded.count(PLACEHOLDER) == 1
    conversation = Conversation(messages[:1], ENCODER)
    conversation.prompt_ids()
    said = PROCESSOR.tokenizer.encode("< image>", add_special_tokens=False)
    conversation.add_completion(Completion(tuple(said), (-1.0,) * len(said), "<image>", "length"))
    conversation.add_message(Message("user", "more"))
    later = conversation.prompt_ids()
    assert isinstance(later, PromptWithImages)
    assert later.unexpanded.count(PLACEHOLDER) == 1


def test_prompts_are_equal_where_their_images_are() -> None:
    one, other = PromptWithImages((1, 2), (FIRST,), (1,)), PromptWithImages((1, 2), (SECOND,), (1,))
    assert one != other
    assert one != (1, 2)
    assert len({one, other, PromptWithImages((1, 2), (FIRST,), (1,))}) == 2
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one
    assert copy.unexpanded == (1,)


def test_vllm_is_sent_one_token_for_an_image_and_never_says_one() -> None:
    prompt = ENCODER.encode_prompt((Message("user", "hi", (FIRST,)),))
    assert isinstance(prompt, PromptWithImages)
    unsaid = ImageEncoder(PROCESSOR).unsaid_ids
    assert unsaid == (PLACEHOLDER,)
    order = Order(prompt, SamplingParams(), 8, (2,), unsaid_ids=unsaid)
    assert order.sent_ids == list(prompt.unexpanded)
    assert sampling_arguments(order, own_seeds=False)["logit_bias"] == {PLACEHOLDER: -100.0}
    check_expansion(order, list(prompt))
    for seen, found in ((None, "does not say"), ([1, 2], "as 2 tokens"), (prompt[::-1], "tokens")):
        with pytest.raises(RunError, match=found):
            check_expansion(order, seen)
    plain = Order((5, 6), SamplingParams(), 8, (2,))
    check_expansion(plain, None)
    assert "logit_bias" not in sampling_arguments(plain, own_seeds=False)


def test_who_reads_no_images_refuses_them(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--engine vllm, or --policy openai:URL"):
        ChatEncoder(TOKENIZER).encode_prompt((Message("user", "1+1=", (FIRST,)),))
    engine = LocalEngine(small_model(), TOKENIZER)
    with pytest.raises(UsageError, match="use engine = vllm"):
        engine.generate([PromptWithImages((1, 2), (FIRST,), (1,))], SamplingParams(2))
    vision_config(PROCESSOR).save_pretrained(tmp_path)
    PROCESSOR.save_pretrained(tmp_path)
    (tmp_path / "model.safetensors").touch()
    with pytest.raises(ModelError, match=r"vision-language model \(idefics3\).*--engine vllm"):
        load_model(tmp_path)


def test_what_is_no_image_is_refused() -> None:
    for content in (b"", b"\x89PNG\r\n\x1a\n", FIRST[:200], b"GIF89a" + bytes(99)):
        with pytest.raises(UsageError, match="an image that cannot be read"):
            open_image(content)
    with pytest.raises(ModelError, match="shows no image"):
        ImageEncoder(blind_processor())


def blind_processor() -> Any:
    processor: Any = vision_processor()
    processor.chat_template = "{% for m in messages %}{{ m.role }}{% endfor %}"
    return processor
