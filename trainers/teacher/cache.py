"""Caches of a teacher's likeliest tokens, so that it is asked once and trained from many times.

A cache is a folder: `manifest.json`, which says whose it is, and shards in safetensors. For each
record a shard holds the token stream and its mask, and for each token of the mask the ids and
log-probabilities of the K likeliest tokens and the logarithm of the mass of all others: without
that tail a divergence on K tokens would be biased. The manifest is written last, so that a folder
without one was never finished; shards that are there already are not made again.
"""

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from gym_reason.errors import DataError, UsageError
from gym_reason.records import explain_os_errors, write_atomic
from gym_reason.trainers.distillation.logits import by_chunks, token_logits
from gym_reason.trainers.distillation.rows import Row
from gym_reason.trainers.formulas.distillation import take_top_k
from gym_reason.trainers.model.batch import make_batch, plan_micro_batches
from gym_reason.trainers.teacher.model import tokenizer_hash

FORMAT = 1
KIND = "gym_reason teacher cache"
MANIFEST = "manifest.json"
SHARD_RECORDS = 512
"""Records of a shard."""
_BROKEN = (OSError, KeyError, TypeError, ValueError, safetensors.SafetensorError)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a teacher says of one record."""

    ids_MK: torch.Tensor
    """The likeliest tokens, int32."""
    logps_MK: torch.Tensor
    """Their log-probabilities, float32."""
    tail_M: torch.Tensor
    """Logarithm of the mass of all other tokens; minus infinity for none."""


@dataclass(frozen=True, slots=True)
class CacheSettings:
    """How a cache is made."""

    top_k: int = 32
    """Tokens that are kept."""
    temperature: float = 1.0
    """Divides the logits."""
    micro_batch_tokens: int = 16384
    """Most tokens, padding included, in one forward pass."""


def write_cache(
    folder: Path,
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    rows: Sequence[Row],
    settings: CacheSettings,
    *,
    teacher: str = "",
    on_rows: Callable[[int], None] = lambda count: None,
) -> dict[str, Any]:
    """Write a cache and return its manifest; goes on with one that was not finished.

    Args:
        folder: Where it goes; made if need be.
        model: The teacher, in evaluation mode.
        tokenizer: Its tokenizer, which the rows were encoded with.
        rows: What it is asked about; their names must differ.
        settings: How.
        teacher: Where the teacher came from, for people.
        on_rows: Called with the number of rows that are done, for progress.

    Raises:
        UsageError: The folder holds a cache already, or two rows have one name.
        RunError: The disk is full.
    """
    if (folder / MANIFEST).exists():
        raise UsageError(f"{folder} holds a cache already", "a new folder", "choose another --out")
    names = [row.id for row in rows]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UsageError(f"two rows have the name {twice!r}", "a name for each in the column id")
    with explain_os_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    about = {
        "kind": KIND,
        "format": FORMAT,
        "teacher": teacher,
        "tokenizer": tokenizer_hash(tokenizer),
        "vocabulary": len(tokenizer),
        "top_k": min(settings.top_k, len(tokenizer)),
        "temperature": settings.temperature,
    }
    shards = []
    for first in range(0, len(rows), SHARD_RECORDS):
        part = rows[first : first + SHARD_RECORDS]
        file = f"shard-{first // SHARD_RECORDS:05d}.safetensors"
        mark = _mark_of(about, part)
        content = _finished_shard(folder / file, mark)
        if content is None:
            content = _make_shard(model, len(tokenizer), part, settings, mark)
            write_atomic(folder / file, content)
        shards.append({"file": file, "records": len(part), "digest": _digest(content)})
        on_rows(first + len(part))
    manifest: dict[str, Any] = {**about, "records": len(rows), "shards": shards}
    write_atomic(folder / MANIFEST, json.dumps(manifest, indent=1) + "\n")
    return manifest


def _mark_of(about: dict[str, Any], rows: Sequence[Row]) -> str:
    """Return a name for what a shard should hold."""
    content = [about, [[row.id, row.ids, row.mask] for row in rows]]
    return _digest(json.dumps(content).encode())


def _finished_shard(path: Path, mark: str) -> bytes | None:
    """Return the bytes of a shard that an earlier try has finished; None where there is none."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            if json.loads((file.metadata() or {})["about"])["mark"] == mark:
                return path.read_bytes()
    except _BROKEN:
        pass
    return None


@torch.no_grad()
def _make_shard(
    model: PreTrainedModel, width: int, rows: Sequence[Row], settings: CacheSettings, mark: str
) -> bytes:
    """Return a shard as bytes. What lies beyond the tokenizer's tokens counts for nothing."""
    found: dict[int, Entry] = {}
    for micro in plan_micro_batches([len(row.ids) for row in rows], settings.micro_batch_tokens):
        batch = make_batch([rows[at].trace for at in micro], 0, model.device)
        index_M = batch.mask_NT[:, batch.start :].flatten().nonzero().squeeze(1)
        source = token_logits(model, batch, index_M, width)

        def take(states_KC: torch.Tensor, source: Any = source) -> tuple[torch.Tensor, ...]:
            logps_KV = (source.of(states_KC) / settings.temperature).log_softmax(-1)
            top = take_top_k(logps_KV, settings.top_k)
            return top.ids_NTK.int(), top.logps_NTK, top.tail_NT

        streams = by_chunks(take, [source.states_MC], width)
        counts = [sum(rows[at].mask[1:]) for at in micro]
        parts = zip(*(torch.split(stream.cpu(), counts) for stream in streams), strict=True)
        found |= {at: Entry(*part) for at, part in zip(micro, parts, strict=True)}
    entries = [found[at] for at in range(len(rows))]
    tensors = {
        "ids": torch.tensor([token for row in rows for token in row.ids], dtype=torch.int32),
        "mask": torch.tensor([bit for row in rows for bit in row.mask], dtype=torch.bool),
        "lengths": torch.tensor([len(row.ids) for row in rows]),
        "top_ids": torch.cat([entry.ids_MK for entry in entries]),
        "top_logps": torch.cat([entry.logps_MK for entry in entries]),
        "tail": torch.cat([entry.tail_M for entry in entries]),
    }
    # One entry: the order of several would differ from one writing to the next.
    about = json.dumps({"mark": mark, "records": [row.id for row in rows]})
    return safetensors.torch.save(tensors, metadata={"about": about})


class TeacherCache:
    """Reads a cache; every shard is checked as it is opened, and held in memory."""

    def __init__(self, folder: Path) -> None:
        """Read a cache. Raises DataError where the folder holds none, or a broken one."""
        self._folder = folder
        self.manifest = _read_manifest(folder)
        self._entries: dict[str, tuple[tuple[int, ...], Entry]] = {}
        for shard in self.manifest["shards"]:
            self._read_shard(shard)

    def __len__(self) -> int:
        """Return how many records there are."""
        return len(self._entries)

    def check(self, tokenizer: PreTrainedTokenizerBase, temperature: float) -> None:
        """Raise DataError where the cache is of another tokenizer or another temperature."""
        if self.manifest["tokenizer"] != tokenizer_hash(tokenizer):
            raise DataError(
                f"the cache {self._folder} is of another tokenizer than the student's",
                "a teacher with the student's tokenizer",
            )
        if self.manifest["temperature"] != temperature:
            raise DataError(
                f"the cache {self._folder} is at the temperature {self.manifest['temperature']}",
                f"the stage's temperature, {temperature}: a tail cannot be cooled or heated",
                f"make it again with --temperature {temperature}",
            )

    def entry(self, name: str, ids: Sequence[int], mask: Sequence[bool]) -> Entry:
        """Return what the teacher says of a record. Raises DataError where it was not asked."""
        kept, entry = self._entries.get(name, ((), None))
        if entry is None:
            raise DataError(
                f"the cache {self._folder} has no record {name!r}", "every row of the data in it"
            )
        if kept != tuple(ids) or len(entry.tail_M) != sum(mask[1:]):
            raise DataError(
                f"the record {name!r} of the cache {self._folder} has other tokens",
                "the data and the chat template that it was made with",
            )
        return entry

    def _read_shard(self, shard: Any) -> None:
        path = self._folder
        try:
            path = self._folder / Path(shard["file"]).name
            content = path.read_bytes()
            if _digest(content) != shard["digest"]:
                raise ValueError("its bytes are not those that were written")
            tensors = safetensors.torch.load(content)
            with safetensors.safe_open(path, "pt") as file:
                names = json.loads((file.metadata() or {})["about"])["records"]
            lengths = tensors["lengths"].tolist()
            streams = torch.split(tensors["ids"], lengths)
            masks = torch.split(tensors["mask"], lengths)
            counts = [int(mask[1:].sum()) for mask in masks]
            parts = zip(
                *(torch.split(tensors[key], counts) for key in ("top_ids", "top_logps", "tail")),
                strict=True,
            )
            for name, ids, part in zip(names, streams, parts, strict=True):
                self._entries[name] = (tuple(ids.tolist()), Entry(*part))
        except (*_BROKEN, RuntimeError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise DataError(
                f"{path} holds no shard of a teacher cache: {reason}", remedy="make the cache again"
            ) from None


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    remedy = "make one with gym-reason distill cache"
    try:
        manifest: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"no {path}", "a finished teacher cache", remedy) from None
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read: {error}", "a teacher cache", remedy) from None
    known = isinstance(manifest, dict) and manifest.get("kind") == KIND
    if not known or manifest.get("format") != FORMAT:
        raise DataError(f"{path} is no manifest of format {FORMAT}", "a teacher cache", remedy)
    wanted = {"tokenizer": str, "temperature": float, "top_k": int, "shards": list}
    for key, kind in wanted.items():
        if not isinstance(manifest.get(key), kind):
            raise DataError(f"{path} has no {key}", "a teacher cache", remedy)
    return manifest


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()
