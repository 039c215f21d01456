"""Numbers for charts: round ticks, moving averages, thinning, and how a value is written."""

import math
from collections.abc import Sequence
from typing import Literal, TypeAlias

from gym_reason.report.runs import Point

Kind: TypeAlias = Literal["number", "percent"]


def nice_ticks(low: float, high: float, count: int = 5) -> list[float]:
    """Return about `count` round, evenly spaced values that enclose `low` to `high`.

    Source: the 1-2-5 rule of P. Heckbert, "Nice numbers for graph labels", Graphics Gems, 1990.
    """
    if not high > low:
        margin = abs(low) * 0.1 or 1.0
        low, high = low - margin, high + margin
    raw = high / max(count - 1, 1) - low / max(count - 1, 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next((m * magnitude for m in (1, 2, 2.5, 5) if m * magnitude >= raw), 10 * magnitude)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [index * step for index in range(first, last + 1)]


def moving_average(points: Sequence[Point], window: int) -> list[Point]:
    """Return each point as the mean of the `window` points around it, of fewer at the ends."""
    sums = [0.0]
    for _, y in points:
        sums.append(sums[-1] + y)
    result: list[Point] = []
    for index, (x, _) in enumerate(points):
        start, stop = max(0, index - window // 2), min(len(points), index + window // 2 + 1)
        result.append((x, (sums[stop] - sums[start]) / (stop - start)))
    return result


def average_window(count: int) -> int:
    """Return the odd width of the moving average for a curve of `count` points."""
    return 1 if count < 9 else max(3, min(count // 10, 25)) | 1


def thin(points: Sequence[Point], limit: int) -> list[Point]:
    """Return at most `limit` points, evenly picked, the first and the last always among them."""
    if len(points) <= limit:
        return list(points)
    last = len(points) - 1
    return [points[round(index * last / (limit - 1))] for index in range(limit)]


def format_value(value: float | None, kind: Kind = "number") -> str:
    """Return a value as people read it: three or four significant digits, or a percentage."""
    if value is None:
        return "—"
    if kind == "percent":
        return f"{100 * value:.1f}".removesuffix(".0") + " %"
    if value == 0:
        return "0"
    size = abs(value)
    if size >= 1e9 or size < 1e-4:
        return f"{value:.2g}"
    if size >= 1000:
        return f"{value:,.0f}"
    # Rounded first: 99.96 has three digits as 100, not as 100.0.
    rounded = float(f"{size:.3g}")
    return f"{value:.{max(0, 2 - math.floor(math.log10(rounded)))}f}"


def format_tick(value: float, step: float, kind: Kind = "number") -> str:
    """Return a tick's label with as many decimals as the distance between ticks needs."""
    scale = 100.0 if kind == "percent" else 1.0
    value, step = value * scale, step * scale
    suffix = " %" if kind == "percent" else ""
    if value == 0 or abs(value) < step * 1e-6:
        return f"0{suffix}"
    size = max(abs(value), step)
    if size >= 1e7 or step < 1e-5:
        return f"{value:.2g}{suffix}"
    if size >= 10_000:
        return f"{value / 1000:g}k{suffix}"
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    # A step of 0.25 needs one decimal more than its power of ten says.
    if abs(round(step, decimals) - step) > step * 1e-6:
        decimals += 1
    return f"{value:.{decimals}f}{suffix}"


def format_duration(seconds: float | None) -> str:
    """Return a time as people say it: `42 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds is None:
        return "—"
    if 0 < seconds < 0.1:
        return f"{1000 * seconds:.2g} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
