"""What the page says of evaluations: the lead, intervals side by side, and a table."""

import json
from collections.abc import Callable, Sequence

from gym_reason.report.evaluations import Evaluation, Result
from gym_reason.report.markup import shorten, tag, text
from gym_reason.report.outcomes import draw_outcome_bar, draw_outcome_legend, order_outcomes
from gym_reason.report.scales import format_duration, format_value

_ROW, _WIDTH, _MARGIN = 36.0, 360.0, 24.0
_LONGEST_NAME = 40


def header(evaluations: Sequence[Evaluation]) -> str:
    """Return the title and what was found, in words."""
    single = len(evaluations) == 1
    title = evaluations[0].name if single else f"{len(evaluations)} evaluations compared"
    paths = ", ".join(str(one.path) for one in evaluations)
    return tag(
        "header",
        tag("h1", text(title)),
        tag("p", text(shorten(paths, 300)), class_="under"),
        tag("p", text(_lead([r for one in evaluations for r in one.results])), class_="lead"),
    )


def problems(evaluations: Sequence[Evaluation]) -> str:
    """Return a list of what is missing or broken; nothing where all is there."""
    items = [
        tag("li", text(f"{one.name}: {problem}" if len(evaluations) > 1 else problem))
        for one in evaluations
        for problem in one.problems
    ]
    return tag("section", tag("ul", *items), class_="problems") if items else ""


def results(evaluations: Sequence[Evaluation]) -> str:
    """Return the results: accuracies with their intervals, and the table."""
    named = name_results(evaluations)
    if not named:
        return ""
    names = order_outcomes([name for _, one in named for name in one.outcomes])
    note = (
        "Dots are shares of right answers, lines their 95 % intervals over problems. Episodes that "
        "our side failed to judge count neither way."
    )
    return tag(
        "section",
        tag("h2", "Results"),
        tag("p", note, class_="quiet"),
        tag("div", tag("figure", _draw_intervals(named), class_="chart"), class_="charts wide"),
        tag("h2", "In numbers"),
        draw_outcome_legend(names),
        tag("div", _draw_table(named), class_="scroll", tabindex=0),
    )


def name_results(evaluations: Sequence[Evaluation]) -> list[tuple[str, Result]]:
    """Return each result with what tells it from the others."""
    rows = [(one.name, result) for one in evaluations for result in one.results]
    several_envs = len({result.env for _, result in rows}) > 1
    named = []
    for evaluation, result in rows:
        parts = [result.actor or "the policy"]
        if several_envs:
            parts.insert(0, result.env.removeprefix("gym_reason/"))
        if len(evaluations) > 1:
            parts.append(evaluation)
        named.append((", ".join(parts), result))
    return named


def _lead(found: Sequence[Result]) -> str:
    scored = [one for one in found if one.number("accuracy") is not None]
    if not scored:
        return "There are no results yet."
    words = [_sentence(one) for one in scored[:3]]
    if len(scored) > len(words):
        words.append("The table below has all of them.")
    return " ".join(words)


def _sentence(one: Result) -> str:
    accuracy = format_value(one.number("accuracy"), "percent")
    words = f"{one.actor or 'The policy'} solved {accuracy}"
    if one.interval is not None:
        low, high = (format_value(end, "percent") for end in one.interval)
        words += f" (95 % interval {low} to {high})"
    tasks, samples = one.number("tasks") or 0, one.number("samples") or 1
    words += f" of {tasks:,.0f} problems of {one.env}"
    words += f", {samples:,.0f} episodes on each." if samples > 1 else "."
    if one.row.get("oracle") is True:
        words += " ORACLE: it hears the reference; compare it with none that does not."
    return words


def _draw_intervals(named: Sequence[tuple[str, Result]]) -> str:
    height = _ROW * len(named) + 26
    parts: list[str] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        x = f"{_place(share):.1f}"
        parts.append(tag("line", x1=x, x2=x, y1="4", y2=f"{height - 22:.1f}", class_="grid"))
        words = f"{100 * share:.0f} %"
        parts.append(tag("text", words, x=x, y=f"{height - 7:.1f}", text_anchor="middle"))
    for place, (name, one) in enumerate(named):
        parts += _draw_interval(name, one, 4 + _ROW * place)
    words = "; ".join(
        f"{name}: {format_value(one.number('accuracy'), 'percent')}" for name, one in named
    )
    view = f"0 0 {_WIDTH:g} {height:g}"
    return tag("svg", *parts, viewBox=view, role="img", aria_label=words)


def _place(share: float) -> float:
    return _MARGIN + (_WIDTH - 2 * _MARGIN) * min(max(share, 0.0), 1.0)


def _draw_interval(name: str, one: Result, top: float) -> list[str]:
    """Return a name with its accuracy, and the interval below it."""
    accuracy = one.number("accuracy")
    short = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1]}…"
    line = f"{top + 15:.1f}"
    place = {"x": "4", "y": line, "class_": "interval-name"}
    parts = [tag("text", tag("title", text(name)), text(short), **place)]
    label = {"x": f"{_WIDTH - 4:g}", "y": line, "text_anchor": "end", "class_": "interval-name"}
    parts.append(tag("text", format_value(accuracy, "percent"), **label))
    if accuracy is None:
        return parts
    y = f"{top + 26:.1f}"
    if one.interval is not None:
        low, high = (f"{_place(end):.1f}" for end in one.interval)
        parts.append(tag("line", x1=low, x2=high, y1=y, y2=y, class_="interval-line"))
    dot = {"cx": f"{_place(accuracy):.1f}", "cy": y, "r": 3.6}
    parts.append(tag("circle", class_="interval-dot", **dot))
    return parts


_COLUMNS: tuple[tuple[str, Callable[[Result], str]], ...] = (
    ("Right", lambda one: format_value(one.number("accuracy"), "percent")),
    ("95 % interval", lambda one: _write_interval(one)),
    ("Problems", lambda one: f"{one.number('tasks') or 0:,.0f}"),
    ("Reward", lambda one: format_value(one.number("reward"))),
    ("Tokens", lambda one: format_value(one.number("tokens"))),
    ("Cut off", lambda one: format_value(one.number("truncated"), "percent")),
    ("Unscorable", lambda one: f"{one.number('unscorable') or 0:,.0f}"),
    ("Time", lambda one: format_duration(one.number("seconds"))),
    ("Median wait", lambda one: format_duration(one.table("latency").get("median_s"))),
)


_PER_K = (
    ("pass_at", "pass@"),
    ("majority_at", "majority@"),
    ("likeliest_of", "likeliest@"),
    ("best_of", "best reward@"),
)


def _draw_table(named: Sequence[tuple[str, Result]]) -> str:
    extra = [
        (f"{label}{k}", key, k)
        for key, label in _PER_K
        for k in sorted({k for _, one in named for k in one.table(key)}, key=lambda k: (len(k), k))
    ]
    titles = [*(title for title, _ in _COLUMNS), *(title for title, _, _ in extra), "Outcomes"]
    head = tag("tr", tag("th", "Who"), *(tag("th", text(title)) for title in titles))
    rows = [
        tag(
            "tr",
            tag("th", text(name), scope="row"),
            *(tag("td", text(write(one))) for _, write in _COLUMNS),
            *(
                tag("td", text(format_value(one.table(key).get(k), "percent")))
                for _, key, k in extra
            ),
            tag("td", draw_outcome_bar(one.outcomes)),
        )
        for name, one in named
    ]
    return tag("table", tag("thead", head), tag("tbody", *rows), class_="runs")


def _write_interval(one: Result) -> str:
    if one.interval is None:
        return "—"
    low, high = (format_value(end, "percent") for end in one.interval)
    return f"{low} to {high}"


def settings(evaluations: Sequence[Evaluation]) -> str:
    """Return what was asked for, folded away."""
    folded = [
        tag(
            "details",
            tag(
                "summary", text("Settings" if len(evaluations) == 1 else f"Settings of {one.name}")
            ),
            tag("pre", text(json.dumps(one.settings, indent=1, ensure_ascii=False, default=str))),
        )
        for one in evaluations
        if one.settings
    ]
    return tag("section", tag("h2", "What was asked for"), *folded) if folded else ""
