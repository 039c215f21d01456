"""The rows that a student is trained on: token streams with a score, from a file or sampled."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from gym_reason.agents.conversation import ChatEncoder
from gym_reason.errors import DataError, RunError
from gym_reason.records import read_jsonl
from gym_reason.seeding import content_id
from gym_reason.trainers.data.drops import DropLog
from gym_reason.trainers.data.examples import BROKEN, read_examples, read_messages, read_prompt
from gym_reason.trainers.data.files import Line, read_table
from gym_reason.trainers.supervised.demonstrations import end_token
from gym_reason.types import Message, TokenTrace, Trajectory


@dataclass(frozen=True, slots=True)
class Row:
    """One token stream."""

    id: str
    """Its name; the teacher's cache knows it by that."""
    ids: tuple[int, ...]
    """Every token."""
    mask: tuple[bool, ...]
    """True on the tokens of the response."""
    score: float = 1.0
    """From 0 to 1."""
    ref_logp: float = 0.0
    """Log-probability of the response as the stage began, where the objective asks for it."""

    @property
    def prompt_ids(self) -> tuple[int, ...]:
        """What stands before the first token of the response."""
        return self.ids[: self.mask.index(True)]

    @property
    def trace(self) -> TokenTrace:
        """The row as a token stream."""
        return TokenTrace(self.ids, self.mask, (0.0,) * len(self.ids), (0,) * len(self.ids))


@dataclass(frozen=True, slots=True)
class Data:
    """What the stage trains on."""

    rows: tuple[Row, ...]
    """Every row; of pairs, each chosen one before its rejected one."""
    paired: bool = False
    """Whether the rows are pairs."""
    from_file: bool = False
    """Whether the prompts come from a file: the environment then has no tasks for them."""

    def __len__(self) -> int:
        """Return how many rows or pairs there are."""
        return len(self.rows) // 2 if self.paired else len(self.rows)


def dump_data(data: Data) -> list[object]:
    """Return the data of a stage as the lines of its file."""
    return [{"paired": data.paired, "from_file": data.from_file}, *data.rows]


def kept_data(path: Path) -> Data:
    """Return the data that a stage began with. Raises DataError where the file is broken."""
    lines = [line for _, line in read_jsonl(path)]
    try:
        head, *rows = lines
        found = [
            Row(
                str(row["id"]),
                tuple(row["ids"]),
                tuple(row["mask"]),
                float(row["score"]),
                float(row["ref_logp"]),
            )
            for row in rows
        ]
        return Data(tuple(found), bool(head["paired"]), bool(head["from_file"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} holds no data of a distillation stage ({error!r})") from None


def rows_of(trajectories: Iterable[Trajectory], suffix: str = "") -> list[Row]:
    """Return the token streams of episodes, each with the episode's reward as its score."""
    return [
        Row(
            f"{trajectory.task.id}{suffix}" + (f"#{number}" if number else ""),
            trace.ids,
            trace.action_mask,
            min(max(trajectory.ret, 0.0), 1.0),
        )
        for trajectory in trajectories
        for number, trace in enumerate(trajectory.traces)
    ]


class Coder:
    """Encodes prompts and responses as a model reads them."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Use a tokenizer, and its chat template. Raises ModelError where it has no end."""
        self._encoder = ChatEncoder(tokenizer)
        self._tokenizer = tokenizer
        self._end = end_token(tokenizer)

    def encode(
        self, name: str, prompt: tuple[Message, ...], response: str, score: float = 1.0
    ) -> Row:
        """Return a prompt and its response as a row, with an end-of-sequence token behind it."""
        before = self._encoder.encode_prompt(prompt)
        after = (*self._tokenizer.encode(response, add_special_tokens=False), self._end)
        mask = (False,) * len(before) + (True,) * len(after)
        return Row(name, (*before, *after), mask, score)


def score_of(row: Mapping[str, Any]) -> float | None:
    """Return what a verifier gave a row: its `score`, `correct` or `reward`; None for nothing."""
    if row.get("outcome") == "unscorable":
        return None
    for column in ("score", "correct", "reward"):
        value = row.get(column)
        if isinstance(value, bool | int | float):
            return float(value)
    return None


def name_of(row: Mapping[str, Any], prompt: Sequence[Message], *texts: str) -> str:
    """Return the row's own `id`, or one of its content."""
    own = row.get("id")
    if isinstance(own, str | int) and not isinstance(own, bool) and own != "":
        return str(own)
    return content_id(*(f"{m.role}:{m.content}" for m in prompt), *texts)


def read_rows(coder: Coder, path: Path, log: DropLog, *, scored: bool) -> list[Row]:
    """Return the demonstrations of a file as rows; what a verifier refused goes into `log`.

    Args:
        coder: Encodes them.
        path: Rows of `prompt` and `response`, or of `messages`.
        log: Takes what is dropped.
        scored: Whether every row must have a score from 0 to 1, and keeps it.

    Raises:
        DataError: The file cannot be read, or a score is missing or out of range.
    """
    rows = []
    for example in read_examples(path, {}, log):
        score = score_of(example.row)
        if scored and (score is None or not 0.0 <= score <= 1.0):
            raise DataError(
                f"{example.where} of {path} has the score {example.row.get('score')!r}",
                "a number from 0 to 1 in the column score",
            )
        name = name_of(example.row, example.prompt, example.response)
        rows.append(
            coder.encode(name, example.prompt, example.response, 1.0 if score is None else score)
        )
    return rows


def read_pairs(coder: Coder, path: Path, log: DropLog) -> list[Row]:
    """Return the pairs of a file, each chosen row before its rejected one.

    A row has `prompt`, `chosen` and `rejected`. Raises DataError where the file cannot be read.
    """
    rows = []
    for line in read_table(path):
        try:
            prompt, chosen, rejected = _read_pair(line)
        except ValueError as error:
            log.add(line.where, BROKEN, line.row, str(error))
            continue
        name = name_of(line.row, prompt, chosen, rejected)
        rows.append(coder.encode(f"{name}/chosen", prompt, chosen, 1.0))
        rows.append(coder.encode(f"{name}/rejected", prompt, rejected, 0.0))
    return rows


def read_any(coder: Coder, path: Path, log: DropLog) -> list[Row]:
    """Return the rows of a file, or both rows of each of its pairs, whichever it holds."""
    first = next(iter(read_table(path)), None)
    if first is not None and "chosen" in first.row:
        return read_pairs(coder, path, log)
    return read_rows(coder, path, log, scored=False)


def _read_pair(line: Line) -> tuple[tuple[Message, ...], str, str]:
    if line.problem:
        raise ValueError(line.problem)
    for column in ("prompt", "chosen", "rejected"):
        if line.row.get(column) is None:
            raise ValueError(f"no column {column!r}")
    chosen, rejected = (_answer(line.row[column]) for column in ("chosen", "rejected"))
    if chosen == rejected:
        raise ValueError("chosen and rejected are the same")
    return read_prompt(line.row["prompt"]), chosen, rejected


def _answer(value: object) -> str:
    """Return an answer that is a text, or the last of some messages. Raises ValueError."""
    text = value if isinstance(value, str) else read_messages(value)[-1].content
    if not text.strip():
        raise ValueError("an empty answer")
    return text


def check_fits(limit: int | None, rows: Iterable[Row]) -> None:
    """Raise RunError for a row that is longer than the model can see."""
    longest = max(rows, key=lambda row: len(row.ids))
    if limit is not None and len(longest.ids) > limit:
        raise RunError(
            f"the row {longest.id} has {len(longest.ids)} tokens",
            f"at most the model's {limit}",
            "leave it out, or take a longer model",
        )
