"""Token streams in the small: runs in place of masks, whole thousandths in place of floats."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any

from gym_reason.report.episodes import Row, is_list, mappings
from gym_reason.report.runs import as_number

MOST_TOKENS = 20_000
"""Most tokens of a stream that are kept."""


def pack_traces(row: Row) -> list[dict[str, Any]]:
    """Return the token streams of an episode.

    Each has `ids`; `runs`, lengths of the stretches that were read and written by turns, the first
    one read; `turns`, pairs of a turn and how many tokens in a row belong to it; and for the tokens
    that were written `logprobs` and, where they are known, `advantages`, in thousandths. `cut` is
    how many tokens are left out.
    """
    meta = row.get("meta")
    known = meta.get("advantages") if isinstance(meta, dict) else None
    packed = []
    for number, trace in enumerate(mappings(row.get("traces"))):
        ids, mask, logprobs, turns = (
            trace.get(name) for name in ("ids", "action_mask", "logprobs", "turn_index")
        )
        if not (is_list(ids) and is_list(mask) and len(mask) == len(ids)):
            continue
        kept = ids[:MOST_TOKENS]
        mask = [one is True for one in mask[:MOST_TOKENS]]
        one: dict[str, Any] = {
            "ids": [_whole(value) for value in kept],
            "runs": _lengths(mask),
            "turns": _runs(turns[:MOST_TOKENS]) if is_list(turns) else [],
            "logprobs": _written(logprobs, mask),
        }
        held = known[number] if is_list(known) and number < len(known) else None
        advantages = _written(held, mask)
        if advantages:
            one["advantages"] = advantages
        if len(ids) > MOST_TOKENS:
            one["cut"] = len(ids) - MOST_TOKENS
        packed.append(one)
    return packed


def token_ids(row: Row) -> Iterable[int]:
    """Yield the token ids of an episode that `pack_traces` keeps."""
    for trace in mappings(row.get("traces")):
        ids = trace.get("ids")
        if is_list(ids):
            yield from (one for one in ids[:MOST_TOKENS] if type(one) is int)


def count_written(row: Row) -> int:
    """Return how many tokens of an episode the policy emitted."""
    count = 0
    for trace in mappings(row.get("traces")):
        mask = trace.get("action_mask")
        count += sum(one is True for one in mask) if is_list(mask) else 0
    return count


def _written(values: object, mask: Sequence[bool]) -> list[int]:
    """Return the values of the tokens that were written, in thousandths; none where they lack."""
    if not is_list(values) or len(values) < len(mask):
        return []
    chosen = (as_number(value) for value, written in zip(values, mask, strict=False) if written)
    # What no sampler gives must not make numbers that no browser reads.
    return [round(1000 * min(max(value or 0.0, -1e6), 1e6)) for value in chosen]


def _lengths(mask: Sequence[bool]) -> list[int]:
    lengths = [sum(1 for _ in run) for _, run in groupby(mask)]
    return [0, *lengths] if mask and mask[0] else lengths


def _runs(turns: Sequence[object]) -> list[list[int]]:
    return [[turn, sum(1 for _ in run)] for turn, run in groupby(map(_whole, turns))]


def _whole(value: object) -> int:
    return value if type(value) is int and abs(value) < 1 << 53 else -1
