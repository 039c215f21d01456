"""A row as a prompt and a response."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from gym_reason.seeding import content_id
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.files import Line, is_valid_text, read_table
from gym_reason.types import Message, Role

FIELDS = ("prompt", "response", "messages")
"""What an example is read from, and `--field` may name a column for."""
_ROLES: tuple[str, ...] = get_args(Role)

BROKEN = "broken row"
NO_RESPONSE = "empty response"


@dataclass(frozen=True, slots=True)
class Example:
    """A demonstration: what was asked and what was answered."""

    where: str
    """Where it stands in its file."""
    row: Mapping[str, Any]
    """Every column that it came with."""
    prompt: tuple[Message, ...]
    """What comes before the answer; may be empty, and so may its texts."""
    response: str
    """The answer; never blank."""

    @property
    def prompt_text(self) -> str:
        """The prompt as one text, a blank line between its messages."""
        return "\n\n".join(message.content for message in self.prompt)

    @property
    def prompt_id(self) -> str:
        """A name for what was asked, the same for two examples that ask the same."""
        return content_id(*(f"{m.role}:{m.content}" for m in self.prompt))

    def to_row(self, **added: object) -> dict[str, Any]:
        """Return its columns, with `prompt`, `response` and `messages`, and `added` on top."""
        return {**self.row, **demo_columns(self.prompt, self.response), **added}


def demo_columns(prompt: Sequence[Message], response: str) -> dict[str, Any]:
    """Return the columns of a demonstration: `prompt`, `response` and `messages`.

    `prompt` is a text where the prompt is one message of a user, and `messages` says it all.
    """
    messages = [*prompt, Message("assistant", response)]
    text = "\n\n".join(message.content for message in prompt)
    return {
        "prompt": text,
        "response": response,
        "messages": [{"role": m.role, "content": m.content} for m in messages],
    }


def read_examples(path: Path, columns: Mapping[str, str], log: DropLog) -> list[Example]:
    """Return the examples of a file; rows that are none go into `log`.

    Args:
        path: Read whole into memory.
        columns: The column of a field of `FIELDS`, where it has another name.
        log: Takes broken rows and those with an empty response.

    Raises DataError where the file cannot be read at all.
    """
    examples: list[Example] = []
    for line in read_table(path):
        example = read_example(line, columns)
        if isinstance(example, Example):
            examples.append(example)
        else:
            reason, detail = example
            log.add(line.where, reason, line.row, detail)
    return examples


def read_example(line: Line, columns: Mapping[str, str]) -> Example | tuple[str, str]:
    """Return the example of a row, or the reason and the detail why it holds none.

    A row has `messages`, of which the last is the assistant's, or `prompt` (a text, or a list of
    messages) and `response`. Where it has both, the messages count: they know who said what.
    """
    if line.problem:
        return BROKEN, line.problem
    row = line.row
    names = {field: columns.get(field, field) for field in FIELDS}
    for column in columns.values():
        if column not in row:
            return BROKEN, f"no column {column!r}"
    spoken = not {"prompt", "response"} & columns.keys() and row.get(names["messages"]) is not None
    try:
        if spoken:
            *before, last = read_messages(row[names["messages"]])
            if last.role != "assistant":
                return BROKEN, "the last message is not the assistant's"
            prompt, response = tuple(before), last.content
        elif names["prompt"] in row and names["response"] in row:
            prompt, response = read_prompt(row[names["prompt"]]), row[names["response"]]
        else:
            missing = "response" if names["prompt"] in row else "prompt"
            return BROKEN, f"no column {names[missing]!r} and no {names['messages']!r}"
    except ValueError as error:
        return BROKEN, str(error)
    if not isinstance(response, str | None):
        return BROKEN, f"the response is of type {type(response).__name__}"
    if response is None or not response.strip():
        return NO_RESPONSE, ""
    if not all(map(is_valid_text, (response, *(m.content for m in prompt)))):
        return BROKEN, "a text that is not valid Unicode"
    return Example(line.where, row, prompt, response)


def read_prompt(value: object) -> tuple[Message, ...]:
    """Return a prompt that is a text or a list of messages. Raises ValueError."""
    if value is None:
        return ()
    if isinstance(value, str):
        return (Message("user", value),)
    return read_messages(value)


def read_messages(value: object) -> tuple[Message, ...]:
    """Return messages of `{"role", "content"}`. Raises ValueError where they are none."""
    if not isinstance(value, list) or not value:
        raise ValueError("the messages are no list with at least one in it")
    messages = []
    for entry in value:
        if not isinstance(entry, dict):
            raise ValueError(f"a message is of type {type(entry).__name__}")
        role, content = entry.get("role"), entry.get("content")
        if role not in _ROLES:
            raise ValueError(f"a message has the role {role!r:.40}")
        if not isinstance(content, str):
            raise ValueError(f"the content of a message is of type {type(content).__name__}")
        messages.append(Message(role, content))
    return tuple(messages)
