"""Has the clock on the wall jump by hours, back and forth, at each look: loaded by `--load`."""

import itertools
import time

_true_time, _true_time_ns = time.time, time.time_ns
_hours = itertools.cycle((0, -7, 5, 30, -1))


def _jump_s() -> int:
    return 3600 * next(_hours)


time.time = lambda: _true_time() + _jump_s()
time.time_ns = lambda: _true_time_ns() + 1_000_000_000 * _jump_s()
