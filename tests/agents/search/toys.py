"""Policies whose words are worked out, and an episode to put an agent through."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium

import gym_reason  # noqa: F401 - registers the environments
from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.agents.tokenizers import build_character_tokenizer
from gym_reason.rollout import EpisodeLimits, run_episode
from gym_reason.types import Completion, Message, Task, TokenTrace, Trajectory

TASK = Task("sum", (Message("user", "12+30="),), "42")
PRINTABLE = "".join(map(chr, range(32, 127))) + "\n"

Speak = Callable[[str, int], str | tuple[str, float]]
"""From what was said so far, and the number of the call, to all that follows and its mean
log-probability."""


class ToyPolicy:
    """Says what a function makes of the text so far, until a stop string or the limit comes."""

    version = 0

    def __init__(self, speak: Speak) -> None:
        self.tokenizer = build_character_tokenizer(PRINTABLE)
        self.encoder = ChatEncoder(self.tokenizer)
        self.prompts: list[str] = []
        self.params: list[SamplingParams] = []
        self._speak = speak

    async def sample(self, prompt_ids: Sequence[int], params: SamplingParams) -> Completion:
        prompt = self.encoder.decode(tuple(prompt_ids))
        spoken = self._speak(prompt, len(self.prompts))
        whole, logprob = spoken if isinstance(spoken, tuple) else (spoken, -0.5)
        self.prompts.append(prompt)
        self.params.append(params)
        await asyncio.sleep(0)
        found = [(whole.index(stop), stop) for stop in params.stop if stop in whole]
        text, end = whole, "<eos>"
        if found:
            at, end = min(found)
            text = whole[:at]
        ids = self.encoder.encode_words(text + end)
        cut = len(ids) > params.max_tokens
        ids = ids[: params.max_tokens]
        text = self.encoder.decode(ids) if cut else text
        return Completion(ids, (logprob,) * len(ids), text, "length" if cut else "stop")


def play(
    spec: str, policy: Policy, *, task: Task = TASK, max_tokens: int = 64, seed: int = 0
) -> Trajectory:
    """Return the episode of an agent on a sum."""
    env: Any = gymnasium.make("gym_reason/Arithmetic-v0", operation="add", digits=2)
    agent = bind_agent(make_agent(spec, policy, SamplingParams(max_tokens=max_tokens)), env, task)
    encoder: Any = policy.encoder  # type: ignore[attr-defined]
    return asyncio.run(run_episode(env, agent, task, seed, encoder, EpisodeLimits()))


def emitted(trace: TokenTrace, policy: ToyPolicy) -> str:
    """Return the text of the tokens that a stream trains on."""
    acted = zip(trace.ids, trace.action_mask, strict=True)
    return policy.encoder.decode(tuple(token for token, own in acted if own))
