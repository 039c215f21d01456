"""The token stream of a conversation: append-only, never decoded and encoded again."""

import pytest

from gym_reason.agents.conversation import ChatEncoder, Conversation
from gym_reason.agents.tokenizers import SPECIAL_TOKENS, build_character_tokenizer
from gym_reason.types import Completion, Message

PROMPT = (Message("user", "12+34="),)
END = SPECIAL_TOKENS.index("<eos>")


@pytest.fixture
def encoder() -> ChatEncoder:
    """Return the encoder of a character tokenizer."""
    return ChatEncoder(build_character_tokenizer("0123456789+=,! "))


def complete(encoder: ChatEncoder, text: str) -> Completion:
    """Return what a policy that says `text` and stops would emit."""
    ids = (*encoder._tokenizer.encode(text, add_special_tokens=False), END)
    return Completion(ids, tuple(-0.5 - i for i in range(len(ids))), text, "stop")


def test_a_single_turn_is_the_prompt_and_then_the_completion(encoder: ChatEncoder) -> None:
    conversation = Conversation(PROMPT, encoder)
    prompt = conversation.prompt_ids()
    completion = complete(encoder, "46")
    conversation.add_completion(completion)
    (trace,) = conversation.traces()
    assert trace.ids == prompt + completion.token_ids
    assert trace.action_mask == (False,) * len(prompt) + (True,) * 3
    assert trace.logprobs[-3:] == completion.logprobs
    assert encoder.decode(prompt) == "<bos>12+34="


def test_later_turns_extend_the_same_stream(encoder: ChatEncoder) -> None:
    conversation = Conversation(PROMPT, encoder)
    conversation.prompt_ids()
    conversation.add_completion(complete(encoder, "2+4=6"))
    conversation.end_turn()
    conversation.add_message(Message("user", "!"))
    second = conversation.prompt_ids()
    conversation.add_completion(complete(encoder, "46"))
    (trace,) = conversation.traces()
    assert encoder.decode(trace.ids) == "<bos>12+34=2+4=6<eos>!46<eos>"
    assert trace.ids[: len(second)] == second
    emitted = [i for i, mask in zip(trace.ids, trace.action_mask, strict=True) if mask]
    assert encoder.decode(tuple(emitted)) == "2+4=6<eos>46<eos>"
    assert trace.turn_index[-1] == 1


def test_emitted_tokens_are_kept_even_where_encoding_would_choose_others(
    encoder: ChatEncoder,
) -> None:
    conversation = Conversation(PROMPT, encoder)
    conversation.prompt_ids()
    # The tokenizer itself would encode the text "<think>" as one token, never as <unk> tokens.
    odd = Completion((3, 3, 2), (-1.0, -1.0, -1.0), "", "stop")
    conversation.add_completion(odd)
    (trace,) = conversation.traces()
    assert trace.ids[-3:] == (3, 3, 2)


def test_a_template_that_rewrites_history_starts_a_new_trace(encoder: ChatEncoder) -> None:
    tokenizer = build_character_tokenizer("0123456789+=,! ")
    # Like templates that drop the reasoning of earlier turns: only the last message is ever shown.
    tokenizer.chat_template = "{{ bos_token }}{{ messages[-1]['content'] }}"
    rewriting = ChatEncoder(tokenizer)
    conversation = Conversation(PROMPT, rewriting)
    conversation.prompt_ids()
    conversation.add_completion(complete(encoder, "46"))
    conversation.add_message(Message("user", "!"))
    assert rewriting.decode(conversation.prompt_ids()) == "<bos>!"
    conversation.add_completion(complete(encoder, "7"))
    first, second = conversation.traces()
    assert rewriting.decode(first.ids) == "<bos>12+34=46<eos>"
    assert rewriting.decode(second.ids) == "<bos>!7<eos>"


def test_a_conversation_without_actions_has_no_trace(encoder: ChatEncoder) -> None:
    conversation = Conversation(PROMPT, encoder)
    conversation.prompt_ids()
    assert conversation.traces() == ()
