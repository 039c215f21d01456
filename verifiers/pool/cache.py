"""Verdicts that outlive a run, in an SQLite file that several processes may share."""

import contextlib
import logging
import queue
import sqlite3
import threading
import time
from pathlib import Path

from gym_reason.types import Outcome, Verdict
from gym_reason.verifiers.pool.messages import verdict_from_bytes, verdict_to_bytes

logger = logging.getLogger(__name__)

MOST_ROWS = 1_000_000
"""Verdicts that a file keeps; beyond them the oldest go."""
KEPT_OUTCOMES = frozenset({Outcome.PASS, Outcome.FAIL, Outcome.NO_ANSWER, Outcome.INVALID})
"""Outcomes that depend on the submission alone, and not on what else the machine was doing."""
UNDECIDED = "undecided"
"""What the detail of a verdict begins with where a limit of time was reached before it was sure."""

_LARGEST_VERDICT_BYTES = 65_536
_MOST_WAITING = 10_000
_BATCH_ROWS = 1_000
_BUSY_LIMIT_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS verdicts (
    number INTEGER PRIMARY KEY,
    content BLOB NOT NULL UNIQUE,
    verdict BLOB NOT NULL
)
"""
_FORGET = "DELETE FROM verdicts WHERE number <= (SELECT max(number) FROM verdicts) - ?"


def is_lasting(verdict: Verdict) -> bool:
    """Return whether another run would give the verdict too."""
    return verdict.outcome in KEPT_OUTCOMES and not verdict.detail.startswith(UNDECIDED)


class VerdictCache:
    """A file of verdicts by the content that they are about.

    It never fails: a file that is broken, full, locked for long or read-only costs one warning in
    the log, and from then on nothing is found and nothing kept. Verdicts are written behind the
    caller's back by a thread, in batches; one that comes while 10,000 wait is not kept.
    """

    def __init__(self, path: Path, most_rows: int = MOST_ROWS) -> None:
        """Use the file, which is opened, and made, when it is needed."""
        self.path = path
        self._most_rows = most_rows
        self._broken = False
        self._inherited: list[sqlite3.Connection | None] = []
        self._reader: sqlite3.Connection | None = None
        self._writer: threading.Thread | None = None
        self._begin()

    def get(self, content: bytes) -> Verdict | None:
        """Return the verdict that was kept for `content`, if any."""
        if self._broken:
            return None
        try:
            with self._reading:
                if self._reader is None:
                    self._reader = self._connect()
                found = self._reader.execute(
                    "SELECT verdict FROM verdicts WHERE content = ?", (content,)
                ).fetchone()
            return None if found is None else verdict_from_bytes(found[0])
        except (sqlite3.Error, ValueError, LookupError, TypeError) as error:
            self._give_up(error)
            return None

    def put(self, content: bytes, verdict: Verdict) -> None:
        """Keep a verdict that another run would give too. Does not wait for the disk."""
        if self._broken or not is_lasting(verdict):
            return
        encoded = verdict_to_bytes(verdict)
        if len(encoded) > _LARGEST_VERDICT_BYTES:
            return
        if self._writer is None:
            self._writer = threading.Thread(
                target=self._write_all, name="verdict-cache", daemon=True
            )
            self._writer.start()
        with contextlib.suppress(queue.Full):
            self._waiting.put_nowait((content, encoded))

    def close(self) -> None:
        """Write what waits and close the file."""
        writer, self._writer = self._writer, None
        if writer is not None:
            self._waiting.put(None)
            writer.join()
        with self._reading:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def reopen(self) -> None:
        """Begin afresh in a fork: SQLite's connections and threads are not carried over."""
        # Kept alive and never used: SQLite forbids even to close a connection in a fork.
        self._inherited.append(self._reader)
        self._reader = self._writer = None
        self._begin()

    def _begin(self) -> None:
        self._reading = threading.Lock()
        self._waiting: queue.Queue[tuple[bytes, bytes] | None] = queue.Queue(_MOST_WAITING)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_LIMIT_S, isolation_level=None, check_same_thread=False
        )
        try:
            _switch_to_log(connection)
            # A lost tail after a power failure costs a few verdicts, never the file.
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute(_SCHEMA)
        except BaseException:
            connection.close()
            raise
        return connection

    def _write_all(self) -> None:
        connection = None
        ended = False
        while not ended:
            batch, ended = self._next_batch()
            if self._broken or not batch:
                continue
            try:
                if connection is None:
                    connection = self._connect()
                self._write(connection, batch)
            except sqlite3.Error as error:
                self._give_up(error)
        if connection is not None:
            connection.close()

    def _next_batch(self) -> tuple[list[tuple[bytes, bytes]], bool]:
        """Return what waits, once something does, and whether that is the end."""
        batch: list[tuple[bytes, bytes]] = []
        following = self._waiting.get()
        with contextlib.suppress(queue.Empty):
            while following is not None:
                batch.append(following)
                if len(batch) == _BATCH_ROWS:
                    break
                following = self._waiting.get_nowait()
        return batch, following is None

    def _write(self, connection: sqlite3.Connection, batch: list[tuple[bytes, bytes]]) -> None:
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.executemany(
                "INSERT OR IGNORE INTO verdicts (content, verdict) VALUES (?, ?)", batch
            )
            connection.execute(_FORGET, (self._most_rows,))
            connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def _give_up(self, error: Exception) -> None:
        if not self._broken:
            self._broken = True
            logger.warning("going on without the cache of verdicts %s: %s", self.path, error)


def _switch_to_log(connection: sqlite3.Connection) -> None:
    """Let readers read while another writes. Raises sqlite3.Error."""
    # Where two make the same file, SQLite refuses one of them at once, whatever the limit.
    limit = time.monotonic() + _BUSY_LIMIT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > limit:
                raise
            time.sleep(0.01)
