"""Tools of an MCP server: a process that speaks the Model Context Protocol over its pipes.

The official `mcp` package does the talking. It wants one event loop for as long as a server lives,
and episodes are played in many, one after the other: each server has a thread with a loop of its
own, and calls come from whatever loop there is.
"""

import asyncio
import concurrent.futures
import contextlib
import importlib.util
import json
import os
import shlex
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from typing import Any, TextIO, cast

from gym_reason.agents.tool_calls import INPUT, OfferedTool
from gym_reason.calls import CallError
from gym_reason.errors import RunError, UsageError
from gym_reason.types import Json
from gym_reason.verifiers import processes

START_LIMIT_S = 60.0
"""Seconds in which a server must answer and tell its tools."""
CLOSE_LIMIT_S = 20.0
"""Seconds in which it must be gone; the package kills it after a few."""
MAX_PAGES = 100
"""A list of tools without an end is cut here."""

# A server at a long call would outlive this process where it is killed: the kernel ends it then.
_LAUNCHER = (
    "import os, runpy, sys; runpy.run_path(sys.argv[1])['die_with_parent'](int(sys.argv[2])); "
    "os.execvp(sys.argv[3], sys.argv[3:])"
)


class McpServer:
    """A server, started when asked, and closed with this process at the latest."""

    def __init__(self, command: str | Sequence[str], start_s: float = START_LIMIT_S) -> None:
        """Keep the command; nothing is started before `start`.

        Args:
            command: The program and its arguments; a text is split as a shell would.
            start_s: Most seconds until it has told its tools.

        Raises:
            RunError: The package `mcp` is not installed.
            UsageError: The command is empty, or a text whose quotes are not closed.
        """
        if importlib.util.find_spec("mcp") is None:
            raise RunError("MCP tools", "the package mcp", "pip install gym_reason[mcp]")
        try:
            self.command = shlex.split(command) if isinstance(command, str) else list(command)
        except ValueError as error:
            raise UsageError(
                f"the command {command!r}: {error}", "one that a shell reads"
            ) from None
        if not self.command:
            raise UsageError("an empty command of an MCP server", "a program and its arguments")
        self._line = _Line(self.command, start_s)
        self._finalizer = weakref.finalize(self, self._line.close)

    def start(self) -> list[OfferedTool]:
        """Start the server and return its tools.

        Raises:
            RunError: Where it does not start, or does not answer as a server does.
        """
        self._line.open()
        return [_offer(self, tool) for tool in self._line.tools]

    async def call(self, name: str, arguments: Mapping[str, Json]) -> str:
        """Return what a tool says; a text `error: ...` where it says that it failed.

        Whoever stops to wait has the server told so.

        Raises:
            RunError: Where the server is gone.
        """
        try:
            return await asyncio.wrap_future(self._line.call(name, dict(arguments)))
        except asyncio.CancelledError:
            waiting = asyncio.current_task()
            if waiting is not None and waiting.cancelling():
                raise
            raise RunError("the MCP server was closed during a call") from None

    def close(self) -> None:
        """End the server; a process that does not end by itself is killed. May be repeated."""
        self._finalizer()

    def __enter__(self) -> "McpServer":
        """Return the server, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the server."""
        self.close()


def _offer(server: McpServer, tool: Any) -> OfferedTool:
    schema = tool.input_schema if isinstance(tool.input_schema, dict) else {}

    async def run(arguments: Mapping[str, Json], limit_s: float) -> str:
        async with asyncio.timeout(limit_s):
            return await server.call(tool.name, _fit(tool.name, arguments, schema))

    return OfferedTool(tool.name, " ".join((tool.description or "").split())[:300], schema, run)


def _fit(name: str, arguments: Mapping[str, Json], schema: Mapping[str, Any]) -> Mapping[str, Json]:
    """Return arguments by name, where a form of calls has no more than one text. Raises CallError.

    The text is the one argument that the tool takes, or a JSON object of them all.
    """
    properties = schema.get("properties") or {}
    text = arguments.get(INPUT)
    if set(arguments) != {INPUT} or INPUT in properties or not isinstance(text, str):
        return arguments
    if text.startswith("{"):
        with contextlib.suppress(ValueError, RecursionError):
            given = json.loads(text)
            if isinstance(given, dict):
                return given
    if len(properties) == 1:
        return {next(iter(properties)): text}
    if not properties and not text:
        return {}
    raise CallError(f"{name} takes a JSON object with {', '.join(properties) or 'nothing'}")


class _Line:
    """The thread in which a server is spoken with. Knows nothing of who uses it."""

    def __init__(self, command: Sequence[str], start_s: float) -> None:
        self._command, self._start_s = command, start_s
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._serving: asyncio.Task[None] | None = None
        self._client: Any = None
        self.tools: list[Any] = []

    def open(self) -> None:
        """Start the thread and wait until the server has told its tools. Raises RunError."""
        with self._lock:
            if self._thread is not None:
                raise UsageError("an MCP server that was started before", "a new one")
            ready: concurrent.futures.Future[None] = concurrent.futures.Future()
            with cast("TextIO", tempfile.TemporaryFile("w+", errors="replace")) as said:
                self._thread = threading.Thread(
                    target=self._work, args=(ready, said), name="mcp", daemon=True
                )
                self._thread.start()
                try:
                    ready.result(self._start_s)
                    return
                except TimeoutError:
                    reason = f"no answer in {self._start_s:g} seconds"
                except Exception as error:
                    reason = _describe(error, said)
        self.close()
        raise RunError(f"the MCP server {shlex.join(self._command)!r} did not start: {reason}")

    def call(self, name: str, arguments: dict[str, Json]) -> "concurrent.futures.Future[str]":
        """Return what comes of a call, which has begun. Raises RunError."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None or not thread.is_alive() or self._client is None:
            raise RunError("the MCP server is closed", "one that was started")
        call = self._call(name, arguments)
        try:
            return asyncio.run_coroutine_threadsafe(call, loop)
        except RuntimeError:
            call.close()
            raise RunError("the MCP server is closed", "one that was started") from None

    def close(self) -> None:
        """End the server and the thread."""
        with self._lock:
            thread, loop, serving = self._thread, self._loop, self._serving
        if thread is None or not thread.is_alive():
            return
        if loop is not None and serving is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                loop.call_soon_threadsafe(serving.cancel)
        thread.join(CLOSE_LIMIT_S)

    def _work(self, ready: "concurrent.futures.Future[None]", said: TextIO) -> None:
        try:
            asyncio.run(self._serve(ready, said))
        except BaseException as error:
            if not ready.done():
                ready.set_exception(_innermost(error))

    async def _serve(self, ready: "concurrent.futures.Future[None]", said: TextIO) -> None:
        from mcp import Client, StdioServerParameters, stdio_client

        self._serving, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        arguments = ["-c", _LAUNCHER, processes.__file__, str(os.getpid()), *self._command]
        parameters = StdioServerParameters(
            command=sys.executable, args=arguments, encoding_error_handler="replace"
        )
        # The server keeps what it has of this file; ours may be closed once it has started.
        async with Client(stdio_client(parameters, errlog=said)) as client:
            self.tools = await _list_tools(client)
            self._client = client
            ready.set_result(None)
            try:
                await asyncio.Event().wait()  # until `close` cancels it
            finally:
                self._client = None

    async def _call(self, name: str, arguments: dict[str, Json]) -> str:
        from mcp import MCPError

        try:
            result = await self._client.call_tool(name, arguments)
        except MCPError as error:
            raise RunError(f"the MCP server: {error}") from None
        parts = [getattr(part, "text", None) or f"[{part.type}]" for part in result.content]
        text = "\n".join(parts)
        return f"error: {text}" if result.is_error else text


async def _list_tools(client: Any) -> list[Any]:
    tools: list[Any] = []
    cursor: str | None = None
    for _ in range(MAX_PAGES):
        page = await client.list_tools(cursor=cursor)
        tools += page.tools
        cursor = page.next_cursor
        if cursor is None:
            break
    return tools


def _innermost(error: BaseException) -> Exception:
    """Return the first error inside groups of them."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, Exception) else RuntimeError(repr(error))


def _describe(error: Exception, said: TextIO) -> str:
    """Return why a server did not start: the last line that it said, or the error."""
    with contextlib.suppress(OSError, ValueError):
        said.seek(0)
        lines = [line.strip() for line in said.read(100_000).splitlines() if line.strip()]
        if lines:
            return lines[-1][:300]
    return f"{type(error).__name__}: {error}"
