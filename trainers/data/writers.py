"""Who writes texts: a model in this process, or one behind an OpenAI-compatible server."""

import asyncio
import dataclasses
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from gym_reason.agents.bounded import BoundedPolicy
from gym_reason.agents.build import load_policy
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.policy import Policy, SamplingParams
from gym_reason.config import build
from gym_reason.errors import RunError, UsageError
from gym_reason.types import Message
from gym_reason.verifiers.judge.client import ChatClient, JudgeUnavailableError
from gym_reason.verifiers.judge.settings import JudgeSettings

KEY_VARIABLE = "OPENAI_API_KEY"
"""Environment variable with the key of a server, sent where it is set."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written for one prompt."""

    text: str
    """The text; empty where a server gave none that is whole."""
    cut_off: bool
    """Whether the limit on tokens ended it."""


class Writer(Protocol):
    """Writes a text for each prompt."""

    name: str
    """Who it is, for the column `teacher_id`."""

    def write(
        self, prompts: Sequence[tuple[Message, ...]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Written]:
        """Return a text for each prompt, in order, each drawn with its own seed."""
        ...


class PolicyWriter:
    """A policy of this process."""

    def __init__(self, name: str, policy: Policy, encoder: ChatEncoder) -> None:
        """Keep the policy and what turns messages into its tokens."""
        self.name = name
        self._policy = policy
        self._encoder = encoder

    def write(
        self, prompts: Sequence[tuple[Message, ...]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Written]:
        """Return a text for each prompt, in order, each drawn with its own seed."""

        async def write_one(prompt: tuple[Message, ...], seed: int) -> Written:
            own = dataclasses.replace(params, seed=seed)
            completion = await self._policy.sample(self._encoder.encode_prompt(prompt), own)
            return Written(completion.text, completion.finish_reason == "length")

        async def write_all() -> list[Written]:
            return await asyncio.gather(*map(write_one, prompts, seeds))

        return asyncio.run(write_all())


class ServerWriter:
    """A model behind an OpenAI-compatible server."""

    def __init__(self, url: str, model: str, extra: dict[str, object] | None = None) -> None:
        """Name the server's base address and its model; nothing is sent yet.

        Args:
            url: Such as http://127.0.0.1:8000/v1.
            model: Its name there.
            extra: Further fields of every request, such as a presence penalty.

        Raises:
            ConfigError: The address is none.
        """
        self.name = model
        key = KEY_VARIABLE if os.environ.get(KEY_VARIABLE) else ""
        self._settings = build(
            JudgeSettings,
            {"url": url, "model": model, "json_mode": False, "api_key_env": key},
        )
        self._extra = dict(extra or {})

    def write(
        self, prompts: Sequence[tuple[Message, ...]], params: SamplingParams, seeds: Sequence[int]
    ) -> list[Written]:
        """Return a text for each prompt, in order; an empty one where a reply was empty or cut.

        Raises RunError where the server gave no whole reply at all.
        """
        settings = dataclasses.replace(
            self._settings,
            temperature=params.temperature,
            max_reply_tokens=params.max_tokens,
            extra={"top_p": params.top_p, **self._extra},
        )
        reasons: list[str] = []

        async def write_all() -> list[Written]:
            client = ChatClient(settings)
            free = asyncio.Semaphore(settings.concurrency)

            async def write_one(prompt: tuple[Message, ...], seed: int) -> Written:
                rows = [{"role": m.role, "content": m.content} for m in prompt]
                async with free:
                    try:
                        # Servers take seeds of 31 bits.
                        text = await client.ask(
                            lambda _: rows, str, lambda attempt: (seed + attempt) % 2**31
                        )
                    except JudgeUnavailableError as error:
                        reasons.append(str(error))
                        return Written("", cut_off=True)
                return Written(text, cut_off=False)

            try:
                return await asyncio.gather(*map(write_one, prompts, seeds))
            finally:
                await client.close()

        written = asyncio.run(write_all())
        if written and len(reasons) == len(written):
            raise RunError(
                f"{self._settings.url} gave no reply: {reasons[0]}", "an OpenAI-compatible server"
            )
        return written


def open_writer(policy: str, extra: dict[str, object] | None = None) -> Writer:
    """Return the writer that `--policy` names.

    Args:
        policy: A model directory, a checkpoint or a run; or `http://HOST:PORT/v1#MODEL`.
        extra: Further fields of a request, for a server alone.

    Raises:
        UsageError: A server without the name of a model.
        ModelError: For a directory that cannot be used.
    """
    if policy.startswith(("http://", "https://")):
        url, _, model = policy.partition("#")
        if not model:
            raise UsageError(f"--policy {policy}", "the model behind #", f"{policy}#NAME")
        return ServerWriter(url, model, extra)
    engine, encoder = load_policy(policy)
    return PolicyWriter(
        policy, BoundedPolicy(engine, getattr(engine, "max_positions", None)), encoder
    )
