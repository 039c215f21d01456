"""Packs episodes for a page: an index, and blocks that are unpacked when somebody looks at them.

Every block is JSON under gzip, as base64: no character of it can end the element that it stands in,
and ten thousand episodes cost the browser nothing before they are asked for. Texts and tokens are
apart, so that a search reads no tokens. What does not fit the limits here is left out and told.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gym_reason.errors import DataError
from gym_reason.report.detail import round_number, write_detail
from gym_reason.report.episodes import Episode, Row, is_solved, name_outcome, text_of
from gym_reason.report.films import Camera
from gym_reason.report.pictures import Album
from gym_reason.report.token_rows import count_written, pack_traces, token_ids
from gym_reason.report.tokens import read_tokens
from gym_reason.text import shorten

BLOCK_EPISODES = 64
"""Episodes of a block: what is unpacked for one of them."""
TEXT_BYTES = 16_000_000
"""Most bytes of the blocks of texts, packed; further episodes are left out."""
TOKEN_BYTES = 8_000_000
"""Most bytes of the blocks of tokens, packed; further episodes are shown without theirs."""
_LONGEST_TITLE = 120


@dataclass(slots=True)
class Archive:
    """Episodes as a page holds them."""

    index: dict[str, Any] = field(default_factory=dict)
    """What the list shows and the filters read, one column each."""
    texts: list[str] = field(default_factory=list)
    """Blocks of texts."""
    tokens: list[str] = field(default_factory=list)
    """Blocks of tokens; those of the last episodes may be missing."""
    pictures: Sequence[tuple[str, str]] = ()
    """MIME type and base64 of each picture."""
    remarks: list[str] = field(default_factory=list)
    """What is left out, one sentence each."""

    @property
    def count(self) -> int:
        """How many episodes it holds."""
        return len(self.index["key"])


class _Names:
    """Numbers for names, in the order in which they come."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {}

    def number(self, name: str) -> int:
        return self.numbers.setdefault(name, len(self.numbers))


class Packer:
    """Takes episodes one by one and never holds more than a block of them."""

    def __init__(
        self,
        env: str,
        camera: Camera,
        tokenizers: Mapping[str, Path],
        images: Path = Path(),
    ) -> None:
        """Start empty.

        Args:
            env: The environment of episodes that do not name theirs.
            camera: Takes pictures of some of them.
            tokenizers: The tokenizer's file of each policy, under "" that of all others.
            images: Where the images of messages are kept that the episodes name.
        """
        self._env, self._camera, self._tokenizers = env, camera, tokenizers
        self._archive = Archive()
        self._columns: dict[str, list[Any]] = {"key": []}
        self._names = {name: _Names() for name in ("source", "env", "policy", "outcome")}
        self._vocabularies = _Names()
        self._ids: dict[int, set[int]] = {}
        self._album = Album(images)
        self._details: list[dict[str, Any]] = []
        self._traces: list[list[Any]] = []
        self._text_bytes = self._token_bytes = 0

    @property
    def full(self) -> bool:
        """Whether no further episode fits."""
        return self._text_bytes >= TEXT_BYTES

    def add(self, episode: Episode) -> None:
        """Take an episode."""
        row = episode.row
        detail = write_detail(row, self._album)
        names = {
            "source": episode.source,
            "env": text_of(row.get("env")) or self._env,
            "policy": _name_policy(row),
            "outcome": name_outcome(row),
        }
        prompt = detail["prompt"]
        values: dict[str, Any] = {
            "key": episode.key,
            "solved": is_solved(row),
            "reward": round_number(row.get("ret")),
            "turns": len(detail["turns"]),
            "tokens": count_written(row),
            "title": shorten(prompt[-1]["text"] if prompt else detail["task"], _LONGEST_TITLE),
            "vocabulary": self._vocabulary(row),
        }
        values |= {name: self._names[name].number(value) for name, value in names.items()}
        for name, value in values.items():
            self._columns.setdefault(name, []).append(value)
        frames = self._camera.film(names["source"], row, names["env"])
        detail["film"] = [[one.turn, self._album.add(one.picture), one.done] for one in frames]
        self._details.append(detail)
        self._traces.append(pack_traces(row))
        if len(self._details) == BLOCK_EPISODES:
            self._close_block()

    def finish(self) -> Archive:
        """Return the archive."""
        if self._details:
            self._close_block()
        archive = self._archive
        archive.index = {
            "block": BLOCK_EPISODES,
            "names": {name: list(found.numbers) for name, found in self._names.items()},
            **self._columns,
            "vocabularies": self._read_vocabularies(),
        }
        archive.pictures = self._album.pictures
        shown = len(archive.tokens) * BLOCK_EPISODES
        if shown < archive.count:
            archive.remarks.append(f"Tokens are kept of the first {shown:,} episodes.")
        if self._album.left_out:
            archive.remarks.append(f"Pictures that are left out: {self._album.left_out:,}.")
        archive.remarks += self._camera.problems
        return archive

    def _close_block(self) -> None:
        texts, tokens = pack(self._details), pack(self._traces)
        self._details.clear()
        self._traces.clear()
        # A block of tokens that does not fit ends them: the first ones are to have no gap.
        whole = len(self._archive.tokens) == len(self._archive.texts)
        self._archive.texts.append(texts)
        self._text_bytes += len(texts)
        if whole and self._token_bytes + len(tokens) <= TOKEN_BYTES:
            self._archive.tokens.append(tokens)
            self._token_bytes += len(tokens)

    def _vocabulary(self, row: Row) -> int | None:
        path = self._tokenizers.get(text_of(row.get("policy"))) or self._tokenizers.get("")
        if path is None:
            return None
        number = self._vocabularies.number(str(path))
        self._ids.setdefault(number, set()).update(token_ids(row))
        return number

    def _read_vocabularies(self) -> list[dict[int, str]]:
        texts: list[dict[int, str]] = []
        for path, number in self._vocabularies.numbers.items():
            try:
                texts.append(read_tokens(Path(path), self._ids[number]))
            except DataError as error:
                texts.append({})
                self._archive.remarks.append(f"Tokens are shown as numbers: {error}.")
        return texts


def pack_episodes(episodes: Iterable[Episode], packer: Packer, total: int) -> Archive:
    """Return the archive of episodes, of which there are `total` in the files."""
    for episode in episodes:
        if packer.full:
            break
        packer.add(episode)
    archive = packer.finish()
    if archive.count < total:
        archive.remarks.insert(0, f"The page holds {archive.count:,} of {total:,} episodes.")
    return archive


def pack(value: object) -> str:
    """Return a value as base64 of gzipped JSON."""
    content = json.dumps(value, separators=(",", ":")).encode("ascii")
    return base64.b64encode(gzip.compress(content, 6, mtime=0)).decode("ascii")


def _name_policy(row: Row) -> str:
    policy, agent = text_of(row.get("policy")), text_of(row.get("agent"))
    return f"{policy}, {agent}" if policy and agent not in ("", "answer") else policy or agent
