"""Requests to a vLLM server, from a thread of their own; who waits for one never waits for ever."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from gym_reason.agents.engines.vllm.watch import Watch, settle
from gym_reason.errors import RunError, UsageError

if TYPE_CHECKING:
    import httpx

LOAD_ADAPTER = "/v1/load_lora_adapter"
UNLOAD_ADAPTER = "/v1/unload_lora_adapter"
_IN_WORDS = (LOAD_ADAPTER, UNLOAD_ADAPTER)
"""What vLLM answers with a sentence in place of JSON."""
IDLE_S = 2.0
"""Longest that a connection is kept without use: vLLM closes one after 5 s, and a request that is
sent just then is lost."""
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


class RefusedError(RunError):
    """A server answered that it will not."""

    def __init__(self, status: int, found: str, remedy: str = "") -> None:
        """Say so; `status` is HTTP's number for it."""
        super().__init__(found, remedy=remedy)
        self.status = status


class HttpClient:
    """Speaks JSON with one server, many requests at once."""

    def __init__(self, base_url: str, watch: Watch, connections: int) -> None:
        """Start the thread; nothing is sent yet. Raises UsageError without httpx."""
        try:
            import httpx
        except ImportError:
            raise UsageError(
                "no package httpx", "it for a vLLM server", "pip install httpx"
            ) from None
        self._base_url = base_url.rstrip("/")
        self._watch = watch
        self._loop = asyncio.new_event_loop()
        # A proxy of the environment has no business with a server on this machine.
        local = urlsplit(base_url).hostname in _LOOPBACK
        self._http = httpx.AsyncClient(
            timeout=None,  # the watch keeps the time
            limits=httpx.Limits(max_connections=connections, keepalive_expiry=IDLE_S),
            trust_env=not local,
        )
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="gym_reason.vllm_http", daemon=True
        )
        self._thread.start()

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        what: str,
        limit_s: float,
        alone: bool = False,
    ) -> "Future[Any]":
        """Return a future of the answer's JSON; None where the answer is empty.

        It fails with RunError where the server refuses, is gone, or says nothing for too long.
        Cancelling it ends the request, which vLLM notices. One that goes `alone` has a connection
        of its own: vLLM drops one on which it has answered with an error of its own.
        """
        future: Future[Any] = Future()
        self._watch.add(future, what, limit_s)
        headers = {"connection": "close"} if alone else {}
        exchange = partial(self._exchange, method, path, body, headers, what, future)
        self._loop.call_soon_threadsafe(self._start, exchange, future)
        return future

    def close(self) -> None:
        """End every request and the thread."""
        if self._loop.is_closed():
            return
        asyncio.run_coroutine_threadsafe(self._finish(), self._loop).result(10.0)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10.0)
        self._loop.close()

    def _start(
        self, exchange: Callable[[], Coroutine[Any, Any, None]], future: "Future[Any]"
    ) -> None:
        if future.done():
            return
        task = self._loop.create_task(exchange())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def stop(_: "Future[Any]") -> None:
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(task.cancel)

        future.add_done_callback(stop)

    async def _exchange(
        self,
        method: str,
        path: str,
        body: object,
        headers: Mapping[str, str],
        what: str,
        future: "Future[Any]",
    ) -> None:
        import httpx

        try:
            response = await self._http.request(
                method, f"{self._base_url}{path}", json=body, headers=headers
            )
            self._watch.beat()
            settle(future, read_answer(response, path))
        except RunError as error:
            settle(future, error=error)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            detail = " ".join(f"{type(error).__name__}: {error}".split())[:200]
            message = f"the vLLM server at {self._base_url} was lost while it was {what}: {detail}"
            # A server of ours that has ended says why, once the system has noticed.
            await asyncio.sleep(0.5)
            fault = self._watch.find_error()
            remedy = "go on from the checkpoint with --resume"
            lost = RunError(message, remedy="" if what == "starting" else remedy)
            settle(future, error=fault or lost)

    async def _finish(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._http.aclose()


def read_answer(response: "httpx.Response", path: str) -> Any:
    """Return the JSON of an answer, None of an empty one or one in words.

    Raises RunError where it is a refusal or no JSON.
    """
    if response.status_code >= 400:
        detail = " ".join(response.text.split())[:300]
        remedy = ""
        if response.status_code == 404:
            adapters = path in _IN_WORDS
            variable = "VLLM_ALLOW_RUNTIME_LORA_UPDATING" if adapters else "VLLM_SERVER_DEV_MODE"
            remedy = f"start the server with {variable}=1; see docs/engines.md"
        raise RefusedError(
            response.status_code,
            f"the vLLM server answers {path} with {response.status_code}: {detail}",
            remedy,
        )
    if not response.content or path in _IN_WORDS:
        return None
    try:
        return response.json()
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError):
        raise RunError(
            f"the vLLM server answers {path} with what is no JSON: {response.text[:100]!r}"
        ) from None
