"""A real server on this machine: replies, failures that pass, and those that do not."""

import asyncio
import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from gym_reason.agents.chat_server import ChatServerAgent
from gym_reason.agents.conversation import Conversation
from gym_reason.agents.policy import SamplingParams
from gym_reason.cli import main
from gym_reason.errors import ConfigError, RunError, UsageError
from gym_reason.types import Message

pytest.importorskip("httpx")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.seen.append((body, self.headers["Authorization"]))  # type: ignore[attr-defined]
        text = body["messages"][-1]["content"]
        if isinstance(text, list):
            text = "".join(part.get("text", "") for part in text)
        status = 200
        if text == "down" or (text == "busy" and len(self.server.seen) < 2):  # type: ignore[attr-defined]
            status = 503
        if text == "wrong key":
            status = 401
        said: Any = {"choices": [{"message": {"content": f"<think></think>{len(text)}"}}]}
        if text == "nonsense":
            said = ["?"]
        if text == "silence":
            said = {"choices": [{"message": {"content": None}, "finish_reason": "length"}]}
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    made = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.seen = []  # type: ignore[attr-defined]
    threading.Thread(target=made.serve_forever, daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}/v1"


def ask(
    server: ThreadingHTTPServer, text: str, images: tuple[bytes, ...] = (), **settings: Any
) -> str:
    agent = ChatServerAgent(SamplingParams(max_tokens=7), address(server), "m", **settings)
    conversation = Conversation((Message("system", "s"), Message("user", text, images)), None)

    async def act() -> str:
        return (await agent.act(conversation, 2**40 + 5)).text

    said = asyncio.run(act())
    assert conversation.messages[-1] == Message("assistant", said)
    return said


def test_the_reply_is_the_action(
    server: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THE_KEY", "secret")
    assert ask(server, "hello", api_key_env="THE_KEY") == "<think></think>5"
    body, key = server.seen[0]  # type: ignore[attr-defined]
    assert key == "Bearer secret"
    assert body["messages"][0] == {"role": "system", "content": "s"}
    assert (body["model"], body["max_tokens"], body["seed"]) == ("m", 7, 5)
    assert ask(server, "silence") == ""
    assert ask(server, "\ud800") == "<think></think>1"


def test_what_may_pass_is_tried_again_and_the_rest_is_not(server: ThreadingHTTPServer) -> None:
    assert ask(server, "busy", attempts=2) == "<think></think>4"
    for text, count in (("wrong key", 1), ("nonsense", 1), ("down", 2)):
        server.seen.clear()  # type: ignore[attr-defined]
        with pytest.raises(RunError):
            ask(server, text, attempts=2)
        assert len(server.seen) == count  # type: ignore[attr-defined]


def test_the_command_evaluates_it(
    server: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["eval", "gym_reason/Arithmetic-v0", "--limit", "6", "--json"]
    assert main([*words, "--policy", f"openai:{address(server)},model=m,concurrency=2"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["results"]
    assert row["unscorable"] == 0
    assert row["tasks"] == len(server.seen) == 6  # type: ignore[attr-defined]
    assert main([*words, "--policy", f"openai:{address(server)},wings=2"]) == 2
    assert main([*words, "--policy", f"openai:{address(server)}", "--agent", "self-refine"]) == 2


def test_images_are_sent_as_openai_has_them(
    server: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]
) -> None:
    image = pytest.importorskip("PIL.Image")
    words = ["eval", "gym_reason/MobileScreen-v0", "seen=marks", "max_turns=3", "--limit", "1"]
    policy = f"openai:{address(server)},model=m,history=1"
    assert main([*words, "--policy", policy, "--json"]) == 0
    capsys.readouterr()
    requests = [body["messages"] for body, _ in server.seen]  # type: ignore[attr-defined]
    assert [len(messages) for messages in requests] == [1, 3, 5]
    for messages in requests:
        for message in (messages[0], messages[-1]):
            picture, text = message["content"]
            assert (picture["type"], text["type"]) == ("image_url", "text")
            assert "screen " in text["text"]
            head, _, body = picture["image_url"]["url"].partition(",")
            assert head == "data:image/png;base64"
            with image.open(io.BytesIO(base64.b64decode(body, validate=True))) as opened:
                assert opened.size == (360, 800)
    # The task with its screen stays, and the latest screen; what is between is left out.
    assert requests[2][2] == {"role": "user", "content": "..."}
    with pytest.raises(UsageError, match="unknown kind"):
        ask(server, "hello", images=(b"no image",))


def test_what_cannot_be_asked_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    params = SamplingParams()
    for url in ("", "localhost", "ftp://x/v1", "http://"):
        with pytest.raises(UsageError, match="chat server"):
            ChatServerAgent(params, url)
    with pytest.raises(UsageError, match="top_k"):
        ChatServerAgent(SamplingParams(top_k=5), "http://x/v1")
    with pytest.raises(UsageError, match="history = 0"):
        ChatServerAgent(params, "http://x/v1", history=0)
    with pytest.raises(UsageError, match="attempts = 0"):
        ChatServerAgent(params, "http://x/v1", attempts=0)
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(ConfigError, match="NO_KEY"):
        ChatServerAgent(params, "http://x/v1", api_key_env="NO_KEY")
