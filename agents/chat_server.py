"""An agent whose words come from an OpenAI-compatible chat server: texts, and no tokens.

What it says can be judged and compared; nothing can be trained on it, since the tokens behind it
are not known.
"""

import asyncio
import json
import os
import random
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gym_reason.agents.answer import keep_latest
from gym_reason.agents.base import Action
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import SamplingParams
from gym_reason.errors import ConfigError, RunError, UsageError
from gym_reason.images import write_data_uri
from gym_reason.text import shorten
from gym_reason.types import Message

if TYPE_CHECKING:
    import httpx

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_WORTH_ANOTHER_TRY = (408, 409, 425, 429)
_LONGEST_WAIT_S = 60.0


class ChatServerAgent:
    """Asks the server once a turn, with all that was said so far."""

    def __init__(
        self,
        params: SamplingParams,
        url: str,
        model: str = "default",
        *,
        api_key_env: str = "",
        timeout_s: float = 600.0,
        attempts: int = 5,
        concurrency: int = 256,
        history: int | None = None,
    ) -> None:
        """Keep whom to ask; nothing is sent yet.

        Args:
            params: How to sample; what the server has no word for (`top_k`, `min_p`) must be 0.
            url: Where the API begins: `http://127.0.0.1:8000/v1`.
            model: The name that the server knows.
            api_key_env: Environment variable that holds the key; empty for none.
            timeout_s: Most seconds of one request.
            attempts: Requests for one reply, the first included.
            concurrency: Most requests at once; the others wait.
            history: How many of the latest observations are sent, with their images, besides the
                task and all that was replied; None for all of them.

        Raises:
            UsageError: For an address that is none, or a parameter that the server cannot have.
            ConfigError: Where the variable of the key is not set.
        """
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"the address {url!r} of a chat server", "http://HOST:PORT/v1")
        if params.top_k or params.min_p or params.stop_token_ids:
            raise UsageError("top_k, min_p or stop_token_ids for a chat server", "none of these")
        for name, value in (
            ("timeout_s", timeout_s),
            ("attempts", attempts),
            ("concurrency", concurrency),
            ("history", history),
        ):
            if value is not None and not value > 0:
                raise UsageError(f"{name} = {value} for a chat server", "more than 0")
        self._url = url.rstrip("/") + "/chat/completions"
        self._local = parts.hostname in _LOOPBACK
        self._timeout_s, self._attempts, self._concurrency = timeout_s, attempts, concurrency
        self._history = history
        self._headers = {"Authorization": f"Bearer {read_key(api_key_env)}"} if api_key_env else {}
        self._body: dict[str, Any] = {
            "model": model,
            "max_tokens": params.max_tokens,
            "temperature": params.temperature,
            "top_p": params.top_p,
            **({"stop": list(params.stop)} if params.stop else {}),
        }
        # A client for each connection: the time that a pool of httpx takes for a request grows with
        # its connections times the requests that wait.
        self._idle: list[httpx.AsyncClient] = []
        self._slots: asyncio.Semaphore | None = None
        self._tls: ssl.SSLContext | bool | None = None
        self._waiting = 0

    async def act(self, conversation: Conversation, seed: int) -> Action:
        """Return the server's reply as the action. Raises RunError where there is none."""
        said = conversation.messages
        shown = said if self._history is None else keep_latest(said, self._history)
        messages = [_to_json(message) for message in shown]
        # A seed of these servers is a signed number of 32 bits for some.
        content = json.dumps({**self._body, "messages": messages, "seed": seed % 2**31})
        self._waiting += 1
        try:
            text = await self._ask(content.encode("utf-8", "replace"))
        finally:
            self._waiting -= 1
            # Nobody tells an agent that it is done, and connections must not outlive their loop.
            if not self._waiting:
                idle, self._idle, self._slots = self._idle, [], None
                for client in idle:
                    await client.aclose()
        conversation.add_message(Message("assistant", text))
        return Action(text)

    async def _ask(self, content: bytes) -> str:
        try:
            import httpx
        except ImportError:
            found = "no package httpx"
            raise UsageError(found, "it for a chat server", "pip install httpx") from None

        reason = ""
        for attempt in range(self._attempts):
            if attempt:
                wait_s = min(0.5 * 2.0**attempt, _LONGEST_WAIT_S)
                await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))
            try:
                response = await self._post(content)
            except httpx.HTTPError as error:
                reason = f"{type(error).__name__}: {shorten(str(error))}"
                continue
            status = response.status_code
            if status == 200:
                return _read_reply(response.content)
            # A server may repeat the key in its errors: only the status is told.
            reason = f"HTTP {status}"
            if status < 500 and status not in _WORTH_ANOTHER_TRY:
                break
        raise RunError(f"no reply of {self._url}: {reason}", "a chat completion")

    async def _post(self, content: bytes) -> "httpx.Response":
        """Return the response to one request, once a connection is free."""
        if self._slots is None:
            self._slots = asyncio.Semaphore(self._concurrency)
        async with self._slots:
            client = self._idle.pop() if self._idle else self._open()
            try:
                return await client.post(self._url, content=content)
            finally:
                self._idle.append(client)

    def _open(self) -> "httpx.AsyncClient":
        import httpx

        if self._tls is None:  # Reading the certificates takes longer than a request.
            self._tls = ssl.create_default_context() if self._url.startswith("https") else False
        return httpx.AsyncClient(
            timeout=self._timeout_s,
            verify=self._tls,
            headers={"Content-Type": "application/json", **self._headers},
            # A proxy of the environment has no business with a server on this machine.
            trust_env=not self._local,
        )


def read_key(variable: str) -> str:
    """Return the key in an environment variable. Raises ConfigError; never shows the value."""
    key = os.environ.get(variable, "").strip()
    if not key or not (key.isascii() and key.isprintable()):
        raise ConfigError(f"the environment variable {variable}", "a key of printable ASCII in it")
    return key


def _to_json(message: Message) -> dict[str, Any]:
    """Return a message as these servers read it, its images before its words.

    Raises UsageError for an image of an unknown kind.
    """
    # `tool` needs the id of a call, which texts do not have.
    role = "user" if message.role == "tool" else message.role
    if not message.images:
        return {"role": role, "content": message.content}
    parts: list[dict[str, Any]] = [
        {"type": "image_url", "image_url": {"url": write_data_uri(image)}}
        for image in message.images
    ]
    if message.content:
        parts.append({"type": "text", "text": message.content})
    return {"role": role, "content": parts}


def _read_reply(content: bytes) -> str:
    """Return what the model said, cut or not; a reply without words is an empty action."""
    try:
        text = json.loads(content)["choices"][0]["message"]["content"]
    except (ValueError, RecursionError, LookupError, TypeError) as error:
        raise RunError("a response that is no chat completion", "one with choices") from error
    return text if isinstance(text, str) else ""
