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

    Where a caller keeps objects out already, as the run of a student does while its teacher's own
    run goes on within it, those stay out, and it is for the caller to end that.
    """
    before, is_outermost = gc.get_threshold(), gc.get_freeze_count() == 0
    if is_outermost:
        gc.collect()
        gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if is_outermost:
            gc.unfreeze()
