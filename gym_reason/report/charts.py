"""Line charts as inline SVG: faint raw points, a moving average on top, hover values."""

from collections.abc import Sequence
from dataclasses import dataclass

from gym_reason.report.markup import tag, text
from gym_reason.report.runs import Point
from gym_reason.report.scales import (
    Kind,
    average_window,
    format_tick,
    format_value,
    moving_average,
    nice_ticks,
    thin,
)

# More points than this are not told apart at the width of a chart.
_MOST_POINTS = 320
SERIES_STYLES = 6
"""How many colours and dash patterns the style sheet has; more series start over."""


@dataclass(frozen=True, slots=True)
class Series:
    """One curve."""

    name: str
    """Whose it is, as the hover text says it; empty where there is one run only."""
    points: Sequence[Point]
    """Steps and values, in the order of the steps."""
    style: int = 0
    """Number of its colour and dash pattern."""
    band: Sequence[tuple[float, float, float]] = ()
    """Steps with the ends of an interval; empty where none is known."""
    label: str = ""
    """What stands for it in the chart's own legend; empty where the page has one for all."""


@dataclass(frozen=True, slots=True)
class Chart:
    """What a chart shows."""

    title: str
    """What is measured."""
    series: Sequence[Series]
    """The curves; those without points are left out."""
    note: str = ""
    """The unit, or a word on how to read it."""
    kind: Kind = "number"
    """How values are written."""
    bounds: tuple[float | None, float | None] = (None, None)
    """Values that the y axis has to reach."""
    marks: Sequence[tuple[str, float]] = ()
    """Named levels, drawn as dotted lines."""
    small: bool = False
    """Whether it is a side chart."""


@dataclass(frozen=True, slots=True)
class _Frame:
    """Maps values to places. x and y count from the top left corner of the picture."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        share = (value - low) / (high - low) if high > low else 0.5
        return self.left + share * (self.width - self.left - self.right)

    def y(self, value: float) -> float:
        low, high = self.y_range
        share = (value - low) / (high - low) if high > low else 0.5
        return self.height - self.bottom - share * (self.height - self.top - self.bottom)


def draw(chart: Chart) -> str:
    """Return a chart as a figure with its caption; a chart without points says that it has none."""
    series = [one for one in chart.series if one.points]
    heading = tag("strong", text(chart.title)) + (f" {text(chart.note)}" if chart.note else "")
    caption = tag("figcaption", heading)
    kind = "chart small" if chart.small else "chart"
    if not series:
        return tag("figure", caption, tag("p", "No values on record.", class_="empty"), class_=kind)
    frame, ticks = _frame(chart, series)
    body = [
        _grid(frame, ticks, chart.kind),
        _steps(frame, series),
        *(_band(frame, one) for one in series if one.band),
        *(_mark(frame, label, value, chart.kind) for label, value in chart.marks),
        *(_raw_points(frame, one, chart.kind) for one in series),
        *(_average(frame, one) for one in series),
    ]
    svg = tag(
        "svg",
        *body,
        viewBox=f"0 0 {frame.width:g} {frame.height:g}",
        role="img",
        aria_label=_describe(chart, series),
    )
    legend = draw_legend([(one.label, one.style) for one in series if one.label])
    return tag("figure", caption, legend, svg, class_=kind)


def draw_legend(entries: Sequence[tuple[str, int]]) -> str:
    """Return names with their lines, by style; nothing for no names."""
    items = [
        tag(
            "li",
            tag("svg", tag("path", d="M1 5 L33 5", class_=f"line series-{style % SERIES_STYLES}"),
                viewBox="0 0 34 10", aria_hidden="true"),
            tag("span", text(name)),
        )
        for name, style in entries
    ]  # fmt: skip
    return tag("ul", *items, class_="legend") if items else ""


def smoothing(series: Sequence[Series]) -> int:
    """Return the widest moving average among curves, for the legend."""
    return max((average_window(len(one.points)) for one in series), default=1)


def _frame(chart: Chart, series: Sequence[Series]) -> tuple[_Frame, list[float]]:
    values = [y for one in series for _, y in one.points]
    values += [end for one in series for _, *ends in one.band for end in ends]
    values += [value for _, value in chart.marks]
    values += [bound for bound in chart.bounds if bound is not None]
    steps = [x for one in series for x, _ in one.points]
    low, high = min(values), max(values)
    if low == high == chart.bounds[0]:
        # Nothing but the lowest value there can be: the axis still starts at it.
        high = low + (0.01 if chart.kind == "percent" else 1.0)
    ticks = nice_ticks(low, high, 4 if chart.small else 5)
    step = ticks[1] - ticks[0]
    longest = max(len(format_tick(tick, step, chart.kind)) for tick in ticks)
    frame = _Frame(
        width=320 if chart.small else 360,
        height=170 if chart.small else 205,
        left=12 + (6.9 if chart.small else 7.6) * longest,
        top=10,
        right=14,
        bottom=26,
        x_range=(min(steps), max(steps)),
        y_range=(ticks[0], ticks[-1]),
    )
    return frame, ticks


def _grid(frame: _Frame, ticks: Sequence[float], kind: Kind) -> str:
    parts: list[str] = []
    step = ticks[1] - ticks[0]
    for index, tick in enumerate(ticks):
        y = f"{frame.y(tick):.1f}"
        right = f"{frame.width - frame.right:.1f}"
        line = "axis" if index == 0 else "grid"
        parts.append(tag("line", x1=f"{frame.left:.1f}", x2=right, y1=y, y2=y, class_=line))
        label = text(format_tick(tick, step, kind))
        place = {"x": f"{frame.left - 8:.1f}", "y": y, "dy": "0.34em"}
        parts.append(tag("text", label, text_anchor="end", **place))
    return "".join(parts)


def _steps(frame: _Frame, series: Sequence[Series]) -> str:
    low, high = frame.x_range
    whole = all(x == int(x) for one in series for x, _ in one.points[:50])
    ticks = [tick for tick in nice_ticks(low, high, 5) if low <= tick <= high]
    if whole:
        ticks = [tick for tick in ticks if tick == int(tick)]
    if low == high or not ticks:
        ticks = [low]
    step = ticks[1] - ticks[0] if len(ticks) > 1 else 1.0
    y = f"{frame.height - 8:.1f}"
    return "".join(
        tag(
            "text",
            text(format_tick(tick, step)),
            x=f"{frame.x(tick):.1f}",
            y=y,
            text_anchor="middle",
        )
        for tick in ticks
    )


def _mark(frame: _Frame, label: str, value: float, kind: Kind) -> str:
    y, right = frame.y(value), frame.width - frame.right
    title = tag("title", text(f"{label}: {format_value(value, kind)}"))
    line = {"x1": f"{frame.left:.1f}", "x2": f"{right:.1f}", "y1": f"{y:.1f}", "y2": f"{y:.1f}"}
    # Curves mostly rise: the label of a high level is out of their way on the left, of a low one
    # on the right. Above its line, and below where that would leave the picture.
    high = y < (frame.top + frame.height - frame.bottom) / 2
    place = {
        "x": f"{frame.left + 2 if high else right:.1f}",
        "y": f"{y:.1f}",
        "dy": "-0.4em" if y - frame.top > 14 else "1.2em",
        "text_anchor": "start" if high else "end",
        "class_": "mark-label",
    }
    words = tag("text", text(label), **place)
    return tag("g", title, tag("line", class_="mark", **line), words)


def _raw_points(frame: _Frame, series: Series, kind: Kind) -> str:
    dots: list[str] = []
    for x, y in thin(series.points, _MOST_POINTS):
        label = f"step {x:g}: {format_value(y, kind)}"
        title = tag("title", text(f"{series.name}, {label}" if series.name else label))
        dots.append(tag("circle", title, cx=f"{frame.x(x):.1f}", cy=f"{frame.y(y):.1f}", r=1.7))
    return tag("g", *dots, class_=f"raw {_style(series)}")


def _band(frame: _Frame, series: Series) -> str:
    """Return an interval around the line, averaged as the line is."""
    window = average_window(len(series.points))
    low = thin(moving_average([(x, one) for x, one, _ in series.band], window), _MOST_POINTS)
    high = thin(moving_average([(x, one) for x, _, one in series.band], window), _MOST_POINTS)
    places = " L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in [*low, *reversed(high)])
    return tag("path", d=f"M{places} Z", class_=f"band {_style(series)}")


def _average(frame: _Frame, series: Series) -> str:
    averaged = thin(moving_average(series.points, average_window(len(series.points))), _MOST_POINTS)
    places = " L".join(f"{frame.x(x):.1f} {frame.y(y):.1f}" for x, y in averaged)
    return tag("path", d=f"M{places}", class_=f"line {_style(series)}")


def _style(series: Series) -> str:
    return f"series-{series.style % SERIES_STYLES}"


def _describe(chart: Chart, series: Sequence[Series]) -> str:
    sentences: list[str] = []
    for one in series:
        first, last = one.points[0], one.points[-1]
        name = f"{one.name}: " if one.name else ""
        values = f"{format_value(first[1], chart.kind)} at step {first[0]:g}"
        values += f" to {format_value(last[1], chart.kind)} at step {last[0]:g}"
        sentences.append(f"{name}{values}")
    return f"{chart.title}. {'; '.join(sentences)}."
