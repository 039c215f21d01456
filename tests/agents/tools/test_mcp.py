"""Tools of a real MCP server over its pipes: a small program beside this file."""

import asyncio
import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gym_reason.agents.build import bind_agent, make_agent
from gym_reason.agents.conversation import ChatEncoder
from gym_reason.agents.mcp_tools import McpServer
from gym_reason.agents.policy import SamplingParams
from gym_reason.agents.tool_calls import Asked, OfferedTool, answer_call
from gym_reason.calls import ToolCall
from gym_reason.errors import RunError, UsageError
from gym_reason.rollout import EpisodeLimits, run_episode
from tests.agents.refine.episodes import SUM, sums
from tests.agents.refine.replay import ReplayPolicy

pytest.importorskip("mcp", reason="the package mcp is not installed: NOTHING of MCP is tested")

COMMAND = [sys.executable, str(Path(__file__).with_name("mcp_server.py"))]


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[McpServer, dict[str, OfferedTool]]]:
    with McpServer(COMMAND) as started:
        yield started, {tool.name: tool for tool in started.start()}


Started = tuple[McpServer, dict[str, OfferedTool]]


def ask(tools: dict[str, OfferedTool], call: ToolCall, seconds: float = 30.0) -> str:
    return asyncio.run(answer_call(Asked(call), tools, seconds, 200))


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"  # one that has ended, and that nobody has waited for


def test_tools_come_with_their_schemas(server: Started) -> None:
    _, tools = server
    assert sorted(tools) == ["add", "fail", "long", "shout", "sleep", "who"]
    assert tools["add"].summary.startswith("Add two numbers.")
    properties = tools["add"].parameters["properties"]
    assert isinstance(properties, dict)
    assert sorted(properties) == ["left", "right"]
    assert tools["add"].parameters["required"] == ["left", "right"]


def test_calls_are_answered_from_one_event_loop_after_the_other(server: Started) -> None:
    _, tools = server
    assert ask(tools, ToolCall("add", {"left": 12, "right": 30})) == "42"
    assert ask(tools, ToolCall("add", {"left": 1, "right": 1})) == "2"

    async def several() -> list[str]:
        calls = [server[0].call("add", {"left": left, "right": 1}) for left in range(20)]
        return list(await asyncio.gather(*calls))

    assert asyncio.run(several()) == [str(left + 1) for left in range(20)]


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("shout", {"input": "hi"}, "HI"),
        ("add", {"input": '{"left": 1, "right": 2}'}, "3"),
        ("who", {"input": ""}, ""),
        ("add", {"input": "1 2"}, "error: add takes a JSON object with left, right"),
        ("add", {"left": "x"}, "error: Error executing tool add"),
        ("fail", {}, "error: Error executing tool fail"),
        ("long", {"size": 100_000}, "x" * 194 + " [cut]"),
    ],
)
def test_arguments_fit_or_are_told(
    server: Started, name: str, arguments: dict[str, object], answer: str
) -> None:
    said = ask(server[1], ToolCall(name, arguments))  # type: ignore[arg-type]
    assert said.startswith(answer)


def test_a_call_that_takes_long_is_given_up_and_the_server_goes_on(server: Started) -> None:
    _, tools = server
    said = ask(tools, ToolCall("sleep", {"seconds": 5}), seconds=0.2)
    assert said == "error: sleep took more than 0.2 seconds"
    assert ask(tools, ToolCall("add", {"left": 1, "right": 1})) == "2"


def test_no_process_is_left_when_its_user_is_cancelled() -> None:
    async def use(server: McpServer, told: "asyncio.Future[int]") -> None:
        with server:
            server.start()
            told.set_result(int(await server.call("who", {})))
            await server.call("sleep", {"seconds": 600})

    async def cancel() -> int:
        told: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        using = asyncio.create_task(use(McpServer(COMMAND), told))
        pid = await told
        assert is_running(pid)
        await asyncio.sleep(0.2)
        using.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await using
        return pid

    assert not is_running(asyncio.run(cancel()))


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel of Linux is asked for it")
def test_no_process_is_left_when_its_user_is_killed() -> None:
    program = (
        "import asyncio, sys\nfrom gym_reason.agents.mcp_tools import McpServer\n"
        "server = McpServer(sys.argv[1:])\nserver.start()\n"
        "print(asyncio.run(server.call('who', {})), flush=True)\n"
        "asyncio.run(server.call('sleep', {'seconds': 600}))\n"
    )
    command = [sys.executable, "-c", program, *COMMAND]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as user:
        assert user.stdout is not None
        pid = int(user.stdout.readline())
        assert is_running(pid)
        user.kill()
        user.wait()
        for _ in range(600):
            if not is_running(pid):
                break
            time.sleep(0.05)
    assert not is_running(pid)


def test_a_closed_server_says_so_also_to_who_waits() -> None:
    server = McpServer(COMMAND)
    server.start()

    async def wait() -> None:
        waiting = asyncio.create_task(server.call("sleep", {"seconds": 600}))
        await asyncio.sleep(0.2)
        await asyncio.to_thread(server.close)
        await waiting

    with pytest.raises(RunError, match="closed"):
        asyncio.run(wait())
    server.close()
    with pytest.raises(RunError, match="closed"):
        asyncio.run(server.call("who", {}))


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("/nowhere/server", "did not start: FileNotFoundError"),
        ([sys.executable, "-c", "raise SystemExit('no key was given')"], "no key was given"),
        ([sys.executable, "-c", "print('not a protocol')"], "did not start"),
    ],
)
def test_what_does_not_start_is_told_in_a_line(command: str | list[str], message: str) -> None:
    with pytest.raises(RunError, match=message) as caught:
        McpServer(command).start()
    assert "\n" not in str(caught.value)


def test_a_server_that_hangs_at_its_start_is_ended() -> None:
    with pytest.raises(RunError, match=r"no answer in 0\.5 seconds"):
        McpServer([*COMMAND, "--hang"], start_s=0.5).start()


def test_wrong_commands_and_a_missing_package_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="No closing quotation"):
        McpServer("'")
    with pytest.raises(UsageError, match="an empty command"):
        McpServer("")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(RunError, match=r"pip install gym_reason\[mcp\]"):
        McpServer("server")


def test_an_agent_calls_the_tools_of_a_server() -> None:
    call = '<tool_call>{"name": "add", "arguments": {"left": 12, "right": 30}}</tool_call>'
    policy = ReplayPolicy(call, "42")
    spec = f"tools:mcp={COMMAND[0]} {COMMAND[1]}"
    env = sums()
    agent = bind_agent(make_agent(spec, policy, SamplingParams()), env, SUM)
    encoder = ChatEncoder(policy.tokenizer)
    trajectory = asyncio.run(run_episode(env, agent, SUM, 0, encoder, EpisodeLimits()))
    assert "- add(left: integer; right: integer): Add two numbers." in policy.prompts[0]
    assert policy.prompts[1].endswith(f"{call}<eos>42")
    assert trajectory.correct
