"""Stored episodes as training data, and as tables that other tools read."""

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from gym_reason.errors import DataError, UsageError
from gym_reason.evaluate.export_inspect import write_inspect
from gym_reason.evaluate.folder import Episode
from gym_reason.records import dump_line, explain_os_errors, open_atomic, to_json, write_atomic
from gym_reason.types import Message, Trajectory

Row = dict[str, Any]
ROWS_AT_ONCE = 1000
CARD = """---
configs:
- config_name: default
  data_files:
  - split: train
    path: data/train.parquet
---

# Episodes of gym_reason

One row an episode: what was asked (`prompt`), what was said (`completion`), the verdict, and every
token with its log-probability under the policy that drew it (`token_ids`, `logprobs`; `action_mask`
tells which of them the policy emitted).
"""


def write_export(form: str, episodes: Iterable[Episode], out: Path) -> int:
    """Write episodes in one of `FORMS` and return how many rows that are.

    Args:
        form: What to write.
        episodes: What was stored.
        out: A file; a folder for `hf` and `inspect`.

    Raises:
        UsageError: For an unknown form, or a file in place of a folder or the other way round.
        DataError: Where there is no row to write.
        RunError: Where it cannot be written.
    """
    if form not in FORMS:
        raise UsageError(f"no form {form!r}", f"one of {', '.join(FORMS)}")
    folder = form in FOLDERS
    if out.exists() and out.is_dir() != folder:
        kind, other = ("folder", "file") if folder else ("file", "folder")
        raise UsageError(f"{out} is a {other}", f"a {kind} for {form}")
    first = next(waiting := iter(episodes), None)
    if first is None:
        raise DataError("there is no such episode", "at least one")
    return FORMS[form](itertools.chain([first], waiting), out)


def said(trajectory: Trajectory) -> tuple[list[Row], list[Row]]:
    """Return the prompt and what followed it, as messages of a role and a text."""
    prompt = trajectory.task.prompt
    messages = trajectory.messages or _rebuild(trajectory)
    return list(map(_message, prompt)), list(map(_message, messages[len(prompt) :]))


def _rebuild(trajectory: Trajectory) -> tuple[Message, ...]:
    """Return the conversation of an episode whose file has none, from its turns."""
    messages = list(trajectory.task.prompt)
    for number, turn in enumerate(t for t in trajectory.turns if not t.info.get("round")):
        if number:
            messages.append(Message("user", turn.observation))
        messages.append(Message("assistant", turn.action))
    return tuple(messages)


def _message(message: Message) -> Row:
    return {"role": message.role, "content": _valid(message.content)}


def _valid(text: str) -> str:
    """Return a text as valid Unicode: no other tool takes a lone surrogate."""
    return text.encode("utf-8", "replace").decode("utf-8")


def sft_rows(episodes: Iterable[Episode]) -> Iterator[Row]:
    """Yield the conversation of each right episode, each once."""
    seen: set[str] = set()
    for episode in episodes:
        if episode.result.correct:
            prompt, completion = said(episode.trajectory)
            row = {"messages": [*prompt, *completion]}
            text = json.dumps(row)
            if text not in seen:
                seen.add(text)
                yield row


def trl_rows(episodes: Iterable[Episode]) -> Iterator[Row]:
    """Yield each judged episode as a prompt, a completion and whether that is right."""
    for episode in episodes:
        correct = episode.result.correct
        prompt, completion = said(episode.trajectory)
        if correct is not None and completion:
            yield {"prompt": prompt, "completion": completion, "label": correct}


def dpo_rows(episodes: Iterable[Episode]) -> Iterator[Row]:
    """Yield pairs of a right and a wrong completion of one task, each completion in one pair."""
    found: dict[str, tuple[dict[str, Row], dict[str, Row]]] = {}
    for row, key in ((row, e.key) for e in episodes for row in trl_rows([e])):
        right, wrong = found.setdefault(key, ({}, {}))
        (right if row["label"] else wrong).setdefault(json.dumps(row["completion"]), row)
    for right, wrong in found.values():
        for good, bad in zip(right.values(), wrong.values(), strict=False):
            chosen, rejected = good["completion"], bad["completion"]
            yield {"prompt": good["prompt"], "chosen": chosen, "rejected": rejected}


def table_rows(episodes: Iterable[Episode]) -> Iterator[Row]:
    """Yield each episode as a flat row, token by token."""
    for episode in episodes:
        trajectory, result = episode.trajectory, episode.result
        prompt, completion = said(trajectory)
        verdict = trajectory.verdict
        yield {
            "env": episode.who.env,
            "policy": _valid(episode.who.policy),
            "agent": episode.who.agent,
            "task_id": _valid(trajectory.task.id),
            "key": episode.key,
            "sample": episode.sample,
            "prompt": prompt,
            "completion": completion,
            "reference": _valid(trajectory.task.reference),
            "correct": result.correct,
            "reward": None if result.correct is None else trajectory.ret,
            "outcome": result.outcome,
            "stop_reason": trajectory.stop_reason.value,
            "parts": json.dumps(dict(verdict.parts) if verdict else {}),
            "token_ids": [list(trace.ids) for trace in trajectory.traces],
            "action_mask": [list(trace.action_mask) for trace in trajectory.traces],
            "logprobs": [list(trace.logprobs) for trace in trajectory.traces],
            "seconds": trajectory.seconds,
            "seed": trajectory.seed,
            "policy_version": trajectory.policy_version,
            "meta": json.dumps(to_json(trajectory.meta)),
        }


def _write_lines(make_rows: Callable[[Iterable[Episode]], Iterator[Row]]) -> "Writer":
    def write(episodes: Iterable[Episode], out: Path) -> int:
        count = 0
        with open_atomic(out) as file:
            for row in make_rows(episodes):
                file.write(dump_line(row))
                count += 1
            if not count:
                raise DataError(
                    "no episode makes a row", "a right answer, and for dpo a wrong one beside it"
                )
        return count

    return write


def write_parquet(episodes: Iterable[Episode], out: Path) -> int:
    """Write the flat rows as one Parquet file."""
    import pyarrow
    from pyarrow import parquet

    schema, count = _schema(), 0
    rows = table_rows(episodes)
    with open_atomic(out) as file, parquet.ParquetWriter(file, schema) as writer:
        while chunk := list(itertools.islice(rows, ROWS_AT_ONCE)):
            writer.write_table(pyarrow.Table.from_pylist(chunk, schema))
            count += len(chunk)
    return count


def write_hub_folder(episodes: Iterable[Episode], out: Path) -> int:
    """Write a folder of the form that `datasets.load_dataset` and the Hugging Face hub read."""
    with explain_os_errors(out):
        (out / "data").mkdir(parents=True, exist_ok=True)
    count = write_parquet(episodes, out / "data" / "train.parquet")
    write_atomic(out / "README.md", CARD)
    return count


def _schema() -> Any:
    import pyarrow as pa

    messages = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    texts = ("env", "policy", "agent", "task_id", "key")
    ends = ("outcome", "stop_reason", "parts")
    return pa.schema(
        [
            *((name, pa.string()) for name in texts),
            ("sample", pa.int64()),
            ("prompt", messages),
            ("completion", messages),
            ("reference", pa.string()),
            ("correct", pa.bool_()),
            ("reward", pa.float64()),
            *((name, pa.string()) for name in ends),
            ("token_ids", pa.list_(pa.list_(pa.int64()))),
            ("action_mask", pa.list_(pa.list_(pa.bool_()))),
            ("logprobs", pa.list_(pa.list_(pa.float64()))),
            ("seconds", pa.float64()),
            ("seed", pa.int64()),
            ("policy_version", pa.int64()),
            ("meta", pa.string()),
        ]
    )


Writer = Callable[[Iterable[Episode], Path], int]
FORMS: Mapping[str, Writer] = {
    "hf": write_hub_folder,
    "parquet": write_parquet,
    "trl": _write_lines(trl_rows),
    "sft": _write_lines(sft_rows),
    "dpo": _write_lines(dpo_rows),
    "inspect": write_inspect,
}
"""What can be written, by name."""
FOLDERS = ("hf", "inspect")
"""The forms that are a folder."""
