"""What a page shows of one episode besides its tokens."""

from collections.abc import Iterable, Mapping
from typing import Any

from gym_reason.report.episodes import Row, is_list, mappings, text_of
from gym_reason.report.markup import shorten
from gym_reason.report.pictures import Album
from gym_reason.report.runs import as_number

LONGEST_TEXT = 100_000
"""Most characters that are kept of one text."""
_LONGEST_REFERENCE = 4_000


def write_detail(row: Row, album: Album) -> dict[str, Any]:
    """Return the texts of an episode and what was said of them; its pictures go into `album`.

    The whole conversation is among them only where it holds more than the prompt and the turns do,
    as with tools and loops.
    """
    task = row["task"]
    prompt = _write_messages(task.get("prompt"), album)
    turns = [_write_turn(turn) for turn in mappings(row.get("turns"))]
    detail: dict[str, Any] = {
        "task": cut(task.get("id"), 200),
        "difficulty": round_number(task.get("difficulty")),
        "prompt": prompt,
        "reference": cut(task.get("reference"), _LONGEST_REFERENCE),
        "turns": turns,
        "stop": text_of(row.get("stop_reason")),
        "seed": cut(row.get("seed"), 40),
        "sample": as_number(row.get("sample")),
        "version": as_number(row.get("policy_version")),
        "seconds": round_number(row.get("seconds")),
    }
    meta = row.get("meta")
    if isinstance(meta, dict) and meta.get("error"):
        detail["error"] = cut(meta["error"])
    messages = mappings(row.get("messages"))
    known = {one["text"] for one in prompt}
    known |= {turn[name] for turn in turns for name in ("observation", "action", "written")}
    unseen = _names_of_images(messages) - _names_of_images(mappings(task.get("prompt")))
    if unseen or any(cut(one.get("content")) not in known for one in messages):
        detail["messages"] = _write_messages(messages, album)
    return detail


def _names_of_images(messages: Iterable[Row]) -> set[str]:
    lists = (one.get("images") for one in messages)
    return {text_of(image) for images in lists if is_list(images) for image in images}


def _write_messages(value: object, album: Album) -> list[dict[str, Any]]:
    written = []
    for message in mappings(value):
        one: dict[str, Any] = {
            "role": cut(message.get("role"), 40),
            "text": cut(message.get("content")),
        }
        images = message.get("images")
        if is_list(images) and images:
            one["pictures"] = [album.add_named(image) for image in images]
        written.append(one)
    return written


def _write_turn(turn: Mapping[str, Any]) -> dict[str, Any]:
    info, completion, verdict = (turn.get(name) for name in ("info", "completion", "verdict"))
    written: dict[str, Any] = {
        "observation": cut(turn.get("observation")),
        "action": cut(turn.get("action")),
        "written": "",
        "reward": round_number(turn.get("reward")),
        "end": [name for name in ("terminated", "truncated") if turn.get(name) is True],
    }
    if isinstance(completion, dict):
        if completion.get("finish_reason") == "length":
            written["end"].append("token limit")
        whole = cut(completion.get("text"))
        if whole != written["action"]:
            written["written"] = whole
    if isinstance(info, dict) and info.get("round") is True:
        written["round"] = True
        written["heard"] = cut(info.get("heard"))
    if isinstance(verdict, dict):
        written["verdict"] = _write_verdict(verdict)
    return written


def _write_verdict(verdict: Mapping[str, Any]) -> dict[str, Any]:
    parts = verdict.get("parts")
    named = parts.items() if isinstance(parts, dict) else ()
    return {
        "outcome": cut(verdict.get("outcome"), 60),
        "correct": verdict.get("correct") is True,
        "parts": [[cut(name, 200), round_number(value)] for name, value in named],
        "feedback": cut(verdict.get("feedback")),
        "detail": cut(verdict.get("detail")),
    }


def cut(value: object, limit: int = LONGEST_TEXT) -> str:
    """Return a value as text of at most `limit` characters, and how many are left out."""
    return shorten("" if value is None else str(value), limit)


def round_number(value: object) -> float | None:
    """Return a number with five decimals; None for what is none."""
    number = as_number(value)
    return None if number is None else round(number, 5)
