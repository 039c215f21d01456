"""Python's garbage collector during a run."""

import contextlib
import gc
from collections.abc import Iterator

THRESHOLDS = (50_000, 20, 20)
"""New objects before the youngest are looked through; then, how often before the older ones."""


@contextlib.contextmanager
def leave_alone_what_exists() -> Iterator[None]:
    """Keep the objects that there are now out of garbage collections until the end of the block.

    The imported libraries alone hold a million, which never become garbage; to look through them
    again and again takes a tenth of the time of a run with many short episodes. What comes anew is
    looked through less often for the same reason: episodes hold few cycles.
    """
    before = gc.get_threshold()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.unfreeze()
