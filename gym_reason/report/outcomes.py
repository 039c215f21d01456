"""How episodes ended: their mix over the steps of a run, and of each result of an evaluation."""

from collections.abc import Mapping, Sequence

from gym_reason.report.markup import tag, text
from gym_reason.report.runs import Point, RunRecord
from gym_reason.report.scales import format_value, moving_average, thin

_ORDER = ("pass", "fail", "no_answer", "invalid", "timeout", "memory", "output_limit", "pids")
_OURS = ("unscorable", "env_error")
_WIDTH, _HEIGHT, _LEFT, _BOTTOM, _TOP = 360.0, 180.0, 50.0, 24.0, 8.0
_MOST_POINTS = 320
_WINDOW = 5


def order_outcomes(names: Sequence[str]) -> list[str]:
    """Return outcomes in the order of the page: what passed first, our own faults last."""

    def place(name: str) -> tuple[int, str]:
        if name in _ORDER:
            return _ORDER.index(name), name
        return len(_ORDER) + (name in _OURS), name

    return sorted(set(names), key=place)


def outcome_class(name: str) -> str:
    """Return the class that gives an outcome its colour."""
    if name in _ORDER:
        return f"outcome-{_ORDER.index(name)}"
    return "outcome-ours" if name in _OURS else "outcome-other"


def outcome_curves(runs: Sequence[RunRecord]) -> str:
    """Return the mix of outcomes over the steps, a figure a run; nothing where it is unknown."""
    figures = [
        _draw_areas(run.table("rl", "outcomes"), run.name if len(runs) > 1 else "") for run in runs
    ]
    figures = [one for one in figures if one]
    if not figures:
        return ""
    note = f"Share of a step's episodes, averaged over {_WINDOW} steps."
    return tag(
        "section",
        tag("h2", "How episodes ended"),
        tag("p", note, class_="quiet"),
        tag("div", *figures, class_="charts" if len(figures) > 1 else "charts wide"),
    )


def _draw_areas(table: Mapping[str, Sequence[Point]], title: str) -> str:
    steps = sorted({x for points in table.values() for x, _ in points})
    if len(steps) < 2:
        return ""
    names = order_outcomes(list(table))
    counts = {name: dict(points) for name, points in table.items()}
    totals = [sum(counts[name].get(x, 0.0) for name in names) for x in steps]
    base = [0.0] * len(steps)
    areas: list[str] = []
    shares: dict[str, list[float]] = {}
    for name in names:
        share = [
            counts[name].get(x, 0.0) / (total or 1.0)
            for x, total in zip(steps, totals, strict=True)
        ]
        shares[name] = [y for _, y in moving_average(list(zip(steps, share, strict=True)), _WINDOW)]
        top = [low + more for low, more in zip(base, shares[name], strict=True)]
        areas.append(_area(name, steps, base, top, shares[name]))
        base = top
    svg = tag(
        "svg",
        *_grid(steps),
        *areas,
        viewBox=f"0 0 {_WIDTH:g} {_HEIGHT:g}",
        role="img",
        aria_label=_describe(shares),
    )
    caption = tag("figcaption", tag("strong", text(title))) if title else ""
    return tag("figure", caption, draw_outcome_legend(names), svg, class_="chart")


def _area(
    name: str,
    steps: Sequence[float],
    base: Sequence[float],
    top: Sequence[float],
    shares: Sequence[float],
) -> str:
    low, high = steps[0], steps[-1]

    def place(point: Point) -> str:
        x = _LEFT + (point[0] - low) / (high - low) * (_WIDTH - _LEFT - 14)
        y = _HEIGHT - _BOTTOM - min(point[1], 1.0) * (_HEIGHT - _BOTTOM - _TOP)
        return f"{x:.1f} {y:.1f}"

    upper = thin(list(zip(steps, top, strict=True)), _MOST_POINTS)
    lower = thin(list(zip(steps, base, strict=True)), _MOST_POINTS)
    path = " L".join(place(point) for point in [*upper, *reversed(lower)])
    ends = f"{format_value(shares[0], 'percent')} to {format_value(shares[-1], 'percent')}"
    title = tag("title", text(f"{name}: {ends}"))
    return tag("path", title, d=f"M{path} Z", class_=outcome_class(name))


def _grid(steps: Sequence[float]) -> list[str]:
    parts = []
    for share in (0.0, 0.5, 1.0):
        y = _HEIGHT - _BOTTOM - share * (_HEIGHT - _BOTTOM - _TOP)
        place = {"x": f"{_LEFT - 8:.1f}", "y": f"{y:.1f}", "dy": "0.34em", "text_anchor": "end"}
        parts.append(tag("text", f"{100 * share:.0f} %", **place))
    for x, step, anchor in (
        (_LEFT, steps[0], "start"),
        (_WIDTH - 14, steps[-1], "end"),
    ):
        words = text(f"step {step:g}")
        parts.append(tag("text", words, x=f"{x:.1f}", y=f"{_HEIGHT - 8:.1f}", text_anchor=anchor))
    return parts


def _describe(shares: Mapping[str, Sequence[float]]) -> str:
    words = [
        f"{name} {format_value(one[0], 'percent')} to {format_value(one[-1], 'percent')}"
        for name, one in shares.items()
    ]
    return f"Outcomes from the first step to the last: {', '.join(words)}."


def draw_outcome_legend(names: Sequence[str]) -> str:
    """Return outcomes with their colours."""
    items = [
        tag(
            "li",
            tag("span", "", class_=f"swatch {outcome_class(name)}"),
            text(name.replace("_", " ")),
        )
        for name in names
    ]
    return tag("ul", *items, class_="legend")


def draw_outcome_bar(outcomes: Mapping[str, float]) -> str:
    """Return the mix of one result as a bar."""
    total = sum(outcomes.values())
    if total <= 0:
        return ""
    segments: list[str] = []
    left = 0.0
    for name in order_outcomes(list(outcomes)):
        width = 100 * outcomes[name] / total
        title = tag("title", text(f"{name}: {outcomes[name]:,.0f}"))
        place = {"x": f"{left:.2f}", "y": 0, "width": f"{width:.2f}", "height": 10}
        segments.append(tag("rect", title, class_=outcome_class(name), **place))
        left += width
    words = ", ".join(f"{name} {outcomes[name]:,.0f}" for name in order_outcomes(list(outcomes)))
    return tag(
        "svg",
        *segments,
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        role="img",
        aria_label=words,
        class_="outcome-bar",
    )
