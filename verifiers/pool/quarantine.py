"""What a pool remembers of submissions that cost it a worker."""

from collections import OrderedDict

from gym_reason.types import Verdict, replace_verdict
from gym_reason.verifiers.pool.content import row_id
from gym_reason.verifiers.pool.rows import Row

MOST_ROWS = 4_096


class Quarantine:
    """Verdicts on rows that killed their workers or passed the deadline, the latest of them."""

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        """Start empty; beyond `most_rows` the oldest is forgotten."""
        self._most_rows = most_rows
        self._verdicts: OrderedDict[bytes, Verdict] = OrderedDict()

    def add(self, row: Row, verdict: Verdict) -> None:
        """Remember the verdict on a row by the row's content."""
        detail = f"{verdict.detail}; not tried again: the same submission did so before"
        self._verdicts[row_id(row.task, row.submission)] = replace_verdict(verdict, detail=detail)
        if len(self._verdicts) > self._most_rows:
            self._verdicts.popitem(last=False)

    def find(self, row: Row) -> Verdict | None:
        """Return the verdict on a row of the same content, if one is remembered."""
        if not self._verdicts:
            return None
        key = row_id(row.task, row.submission)
        if key in self._verdicts:
            self._verdicts.move_to_end(key)
        return self._verdicts.get(key)
