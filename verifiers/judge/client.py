"""One request to a chat endpoint, tried again while that can help."""

import asyncio
import json
import math
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from gym_reason.errors import ConfigError
from gym_reason.text import shorten
from gym_reason.verifiers.judge.replies import BadReplyError
from gym_reason.verifiers.judge.settings import JudgeSettings

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MAX_REPLY_BYTES = 4_000_000
_WORTH_ANOTHER_TRY = (408, 409, 425, 429)


class JudgeUnavailableError(Exception):
    """No verdict could be had; the message says why. Holds no key."""


class _TryAgainError(Exception):
    """The server failed in a way that may pass."""

    def __init__(self, reason: str, wait_s: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


class ChatClient:
    """Asks the model of an OpenAI-compatible server. Belongs to one event loop."""

    def __init__(self, settings: JudgeSettings) -> None:
        """Make a client; nothing is sent yet. Raises ConfigError where the key is not set."""
        self._settings = settings
        self._key = read_key(settings.api_key_env)
        self._http: httpx.AsyncClient | None = None

    async def ask(
        self,
        compose: Callable[[str], list[dict[str, str]]],
        read: Callable[[str], T],
        seeds: Callable[[int], int],
    ) -> T:
        """Return what `read` makes of the model's reply.

        Args:
            compose: Makes the messages, given why the last reply was refused (or nothing).
            read: Reads a reply. Raises BadReplyError, after which the model is asked again.
            seeds: Gives the seed of an attempt.

        Raises:
            JudgeUnavailableError: The attempts are used up, or no further one can help.
        """
        reason = refusal = ""
        for attempt in range(self._settings.attempts):
            wait_s = 0.0
            try:
                async with asyncio.timeout(self._settings.timeout_s):
                    text = await self._request(compose(refusal), seeds(attempt))
                return read(text)
            except BadReplyError as error:
                reason, refusal = f"an invalid reply: {error}", str(error)
            except TimeoutError:
                reason = f"no reply within {self._settings.timeout_s:g} s"
            except _TryAgainError as error:
                reason, wait_s = str(error), error.wait_s
            if attempt + 1 < self._settings.attempts:
                await asyncio.sleep(max(wait_s, self._backoff(attempt)))
        raise JudgeUnavailableError(f"{reason} (attempt {self._settings.attempts}, the last)")

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _request(self, messages: list[dict[str, str]], seed: int) -> str:
        import httpx

        url = self._settings.url.rstrip("/") + "/chat/completions"
        try:
            async with self._open().stream(
                "POST", url, json=self._body(messages, seed), headers=self._headers()
            ) as response:
                content = await _read_body(response)
        except httpx.HTTPError as error:
            detail = shorten(str(error), 160)
            raise _TryAgainError(self._redact(f"{type(error).__name__}: {detail}")) from None
        except (httpx.InvalidURL, ValueError, ImportError, ExceptionGroup) as error:
            # The address, or the proxy that the environment names, is none: it stays so.
            detail = self._redact(shorten(str(error), 160))
            raise JudgeUnavailableError(f"no request can be made: {detail}") from None
        if response.status_code != 200:
            self._explain_status(response, content)
        return _read_content(content)

    def _open(self) -> "httpx.AsyncClient":
        if self._http is None:
            import httpx

            # A proxy of the environment has no business with a server on this machine.
            local = urlsplit(self._settings.url).hostname in _LOOPBACK
            self._http = httpx.AsyncClient(
                timeout=None,  # `ask` keeps the time: these limits are for single reads.
                limits=httpx.Limits(max_connections=None),
                follow_redirects=False,
                trust_env=not local,
            )
        return self._http

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"}
        return {**headers, "Authorization": f"Bearer {self._key}"} if self._key else headers

    def _body(self, messages: list[dict[str, str]], seed: int) -> dict[str, Any]:
        settings = self._settings
        body: dict[str, Any] = {"model": settings.model, "messages": messages}
        if settings.temperature >= 0:
            body["temperature"] = settings.temperature
        if settings.max_reply_tokens > 0:
            body["max_tokens"] = settings.max_reply_tokens
        if settings.json_mode:
            body["response_format"] = {"type": "json_object"}
        if settings.seed >= 0:
            body["seed"] = seed
        return {**body, **settings.extra}

    def _explain_status(self, response: "httpx.Response", content: bytes) -> None:
        said = shorten("".join(c for c in content.decode("utf-8", "replace") if c.isprintable()))
        reason = self._redact(f"HTTP {response.status_code}: {said}")
        if response.status_code >= 500 or response.status_code in _WORTH_ANOTHER_TRY:
            wait_s = _read_retry_after(response.headers.get("retry-after", ""))
            raise _TryAgainError(reason, min(wait_s, self._settings.max_backoff_s))
        raise JudgeUnavailableError(reason)

    def _redact(self, text: str) -> str:
        """Return `text` without the key, which a server may repeat in its errors."""
        return text.replace(self._key, "[key]") if self._key else text

    def _backoff(self, attempt: int) -> float:
        """Return how long to wait: doubling, with jitter so that many clients come back apart."""
        longest = min(self._settings.max_backoff_s, self._settings.backoff_s * 2.0**attempt)
        return longest * random.uniform(0.5, 1.0)


def read_key(variable: str) -> str:
    """Return the key in an environment variable; none where no variable is named.

    Raises:
        ConfigError: The variable is not set, or holds what no header can. Never shows the value.
    """
    if not variable:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise ConfigError(
            f"the environment variable {variable} is not set", "the judge's key in it"
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{variable} holds characters that no key has", "printable ASCII")
    return key


async def _read_body(response: "httpx.Response") -> bytes:
    """Return the body. Raises _TryAgainError where it is compressed or endless."""
    if response.headers.get("content-encoding", "identity") != "identity":
        raise _TryAgainError("a compressed reply that was not asked for")
    content = bytearray()
    async for chunk in response.aiter_raw():
        content += chunk
        if len(content) > _MAX_REPLY_BYTES:
            raise _TryAgainError(f"a reply of more than {_MAX_REPLY_BYTES} bytes")
    return bytes(content)


def _read_content(content: bytes) -> str:
    """Return what the model said. Raises BadReplyError and _TryAgainError."""
    try:
        choice = json.loads(content)["choices"][0]
        text, finish = choice["message"]["content"], choice.get("finish_reason")
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise _TryAgainError("a response that is no chat completion") from None
    if finish == "length":
        raise BadReplyError("the reply was too long and was cut")
    if not isinstance(text, str) or not text.strip():
        raise BadReplyError("the reply was empty")
    return text


def _read_retry_after(value: str) -> float:
    """Return the seconds that a server asks to wait; 0 where it names none."""
    try:
        seconds = float(value)
    except ValueError:
        return 0.0
    return max(0.0, seconds) if math.isfinite(seconds) else 0.0
