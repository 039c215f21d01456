"""The forms in which a policy calls tools, and how a call is answered within limits."""

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias

from gym_reason.agents.threads import run_in_thread
from gym_reason.calls import (
    CALL_CLOSE,
    CALL_OPEN,
    CallError,
    ToolCall,
    cut_answer,
    load_json,
    make_call,
    read_call,
    split_tagged,
)
from gym_reason.text import after_thinking, shorten
from gym_reason.types import Json

Form: TypeAlias = Literal["any", "json", "xml", "openai"]
"""How calls are written: `json` is an object between `<tool_call>` tags, as Hermes and Qwen write
it; `xml` the input between tags with the tool's name; `openai` a JSON object with `tool_calls`."""

INPUT = "input"
"""The name of the one argument of a tool that takes a text."""

_BEFORE_RESULT = "<result>\n"
_AFTER_RESULT = "\n</result>"


@dataclass(frozen=True, slots=True)
class OfferedTool:
    """A tool as a policy is told of it."""

    name: str
    """What it is called by."""
    summary: str
    """What it does, in one line."""
    parameters: Mapping[str, Json]
    """JSON schema of its arguments."""
    run: Callable[[Mapping[str, Json], float], Awaitable[str]]
    """Takes the arguments and how many seconds it may work; may fail, with TimeoutError too."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A call as it was found in a text."""

    call: ToolCall | None
    """What it asks; None where it cannot be answered."""
    problem: str = ""
    """What is wrong with it."""
    tagged: bool = False
    """Whether its answer stands between `<result>` tags."""


def offer_text_tool(name: str, tool: Callable[[str], str]) -> OfferedTool:
    """Return a function from text to text as a tool with the one argument `input`."""
    summary = (tool.__doc__ or "").strip().partition("\n")[0]

    async def run(arguments: Mapping[str, Json], limit_s: float) -> str:
        return await run_in_thread(partial(tool, _text_of(name, arguments)), limit_s)

    schema: dict[str, Json] = {
        "type": "object",
        "properties": {INPUT: {"type": "string"}},
        "required": [INPUT],
    }
    return OfferedTool(name, summary, schema, run)


def _text_of(name: str, arguments: Mapping[str, Json]) -> str:
    """Return the one text among arguments, whatever it is called. Raises CallError."""
    given = [arguments[INPUT]] if INPUT in arguments else list(arguments.values())
    if len(given) != 1 or not isinstance(given[0], str):
        raise CallError(f'{name} takes one text, {{"{INPUT}": "..."}}')
    return given[0]


def find_calls(text: str, known: Collection[str], form: Form = "any") -> list[Asked]:
    """Return the calls in a text behind its thoughts, in order; none where it is an answer.

    Args:
        text: What a policy wrote.
        known: Names of the tools that there are.
        form: How calls are written; `any` takes the first form in which there are some.
    """
    said = after_thinking(text)
    if said is None:
        return []
    readers = {"json": _find_json, "xml": _find_xml, "openai": _find_openai}
    for name in readers if form == "any" else (form,):
        calls = readers[name](said, known)
        if calls:
            return calls
    return []


def _find_json(said: str, known: Collection[str]) -> list[Asked]:
    parts = split_tagged(said, CALL_OPEN, CALL_CLOSE)[0]
    return [_read(lambda part=part: read_call(part, known)) for part in parts]  # type: ignore[misc]


def _find_xml(said: str, known: Collection[str]) -> list[Asked]:
    """Return the inputs between tags with a tool's name; what stands inside one is its input."""
    calls: list[Asked] = []
    # Where each name is opened next; a name that is not opened, or never closed, is left out.
    places = {name: said.find(f"<{name}>") for name in known}
    position = 0
    while True:
        for name in [name for name, place in places.items() if 0 <= place < position]:
            places[name] = said.find(f"<{name}>", position)
        places = {name: place for name, place in places.items() if place >= 0}
        if not places:
            return calls
        name = min(places, key=places.__getitem__)
        start = places[name] + len(name) + 2
        end = said.find(f"</{name}>", start)
        if end < 0:
            del places[name]
            continue
        calls.append(Asked(ToolCall(name, {INPUT: said[start:end].strip()}), tagged=True))
        position = end + len(name) + 3


def _find_openai(said: str, known: Collection[str]) -> list[Asked]:
    """Return the calls where the whole text, or its one fence, is JSON with calls in it."""
    text = said.strip()
    if text.startswith("```") and text.endswith("```") and text.count("```") == 2:
        text = text[3:-3].partition("\n")[2].strip()
    if not text.startswith(("{", "[")):
        return []
    try:
        value = load_json(text)
    except CallError:
        return []
    items = value.get("tool_calls", value) if isinstance(value, dict) else value
    listed = items if isinstance(items, list) else [items]
    named = isinstance(value, dict) and "tool_calls" in value
    if not named and not all(_is_call(item, known) for item in listed):
        return []
    return [_read(lambda item=item: _read_openai(item, known)) for item in listed]  # type: ignore[misc]


def _is_call(item: object, known: Collection[str]) -> bool:
    """Return whether a bare object is a call, and not an answer that happens to be JSON."""
    if not isinstance(item, dict):
        return False
    if isinstance(item.get("function"), dict):
        return True
    name = item.get("name")
    return isinstance(name, str) and name in known and bool({"arguments", "parameters"} & set(item))


def _read_openai(item: Any, known: Collection[str]) -> ToolCall:
    inner = item.get("function", item) if isinstance(item, dict) else item
    if not isinstance(inner, dict):
        raise CallError("a call is no JSON object")
    arguments = inner.get("arguments", inner.get("parameters", {}))
    # The arguments are JSON in a text, where the form is kept to.
    if isinstance(arguments, str):
        arguments = load_json(arguments) if arguments.strip() else {}
    return make_call({"name": inner.get("name"), "arguments": arguments}, known)


def _read(read: Callable[[], ToolCall]) -> Asked:
    try:
        return Asked(read())
    except CallError as error:
        return Asked(None, str(error))


async def answer_call(
    asked: Asked, tools: Mapping[str, OfferedTool], seconds: float, characters: int
) -> str:
    """Return what the policy is told of a call, whatever happens in it.

    Args:
        asked: The call.
        tools: Those that there are.
        seconds: Most seconds that it may take.
        characters: Most characters of the answer; a longer one is cut, and says so.
    """
    room = characters
    if asked.tagged:
        room -= len(_BEFORE_RESULT) + len(_AFTER_RESULT)
    answer = cut_answer(await _run(asked, tools, seconds), room)
    if not asked.tagged:
        return answer
    # What a tool found must not look as if it came after the tool's answer.
    inside = answer.replace("</result>", "< /result>")[:room]
    return f"{_BEFORE_RESULT}{inside}{_AFTER_RESULT}"


async def _run(asked: Asked, tools: Mapping[str, OfferedTool], seconds: float) -> str:
    call = asked.call
    if call is None:
        return f"error: {asked.problem}"
    try:
        return await tools[call.name].run(call.arguments, seconds)
    except TimeoutError:
        return f"error: {call.name} took more than {seconds:g} seconds"
    except CallError as error:
        return f"error: {error}"
    except Exception as error:  # it is anybody's code, on what a policy wrote
        return f"error: {call.name} failed: {type(error).__name__}: {shorten(str(error), 200)}"


_HOW: dict[str, str] = {
    "json": (
        'To use a tool, write <tool_call>{"name": ..., "arguments": {...}}</tool_call>. '
        "Its answer comes next."
    ),
    "xml": (
        "To use a tool, write its input between tags with its name, such as <{first}>...</{first}>."
        " Its answer comes next, between <result> tags."
    ),
    "openai": (
        'To use a tool, write nothing but JSON: {"tool_calls": [{"type": "function", "function": '
        '{"name": ..., "arguments": {...}}}]}. Its answer comes next.'
    ),
}


def explain_tools(tools: Sequence[OfferedTool], form: Form) -> str:
    """Return how tools are called and which there are, as a prompt says it."""
    how = _HOW["json" if form == "any" else form].replace("{first}", tools[0].name)
    lines = [f"{how} What you write without a call is taken as it is. Tools:"]
    for tool in tools:
        summary = f": {tool.summary}" if tool.summary else ""
        lines.append(f"- {tool.name}({_show_parameters(tool.parameters)}){summary}")
    return "\n".join(lines)


def _show_parameters(schema: Mapping[str, Json]) -> str:
    properties, required = schema.get("properties"), schema.get("required")
    if not isinstance(properties, Mapping):
        return ""
    needed = required if isinstance(required, list | tuple) else ()
    shown = []
    for name, value in properties.items():
        kind = value.get("type", "any") if isinstance(value, Mapping) else "any"
        text = kind if isinstance(kind, str) else json.dumps(kind)
        shown.append(f"{name}: {text}" + ("" if name in needed else ", optional"))
    return "; ".join(shown)
