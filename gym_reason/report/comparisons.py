"""Who was better than whom on the same problems, as an evaluation found it."""

from collections.abc import Mapping, Sequence
from typing import Any

from gym_reason.report.episodes import is_list, text_of
from gym_reason.report.evaluations import Evaluation, read_interval
from gym_reason.report.markup import tag, text
from gym_reason.report.runs import as_number
from gym_reason.report.scales import format_value

_TITLES = ("Environment", "Points", "95 % interval", "p", "Gained", "Lost", "Problems")


def draw_comparisons(evaluations: Sequence[Evaluation]) -> str:
    """Return the table of the comparisons; nothing where there are none."""
    rows = [_draw_row(one) for evaluation in evaluations for one in evaluation.comparisons]
    if not rows:
        return ""
    note = (
        "By how many points the first of two is better, problem by problem; gained and lost are "
        "the problems that one of them solves and the other does not."
    )
    head = tag("tr", tag("th", "Who than whom"), *(tag("th", title) for title in _TITLES))
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_="runs")
    return tag(
        "section",
        tag("h2", "Compared"),
        tag("p", note, class_="quiet"),
        tag("div", table, class_="scroll", tabindex=0),
    )


def _draw_row(one: Mapping[str, Any]) -> str:
    difference, ends = as_number(one.get("difference")), read_interval(one.get("interval"))
    cells = (
        text_of(one.get("env")),
        "—" if difference is None else f"{100 * difference:+.1f}",
        "—" if ends is None else f"{100 * ends[0]:+.1f} to {100 * ends[1]:+.1f}",
        format_value(as_number(one.get("p_value"))),
        _count(one.get("gained")),
        _count(one.get("lost")),
        f"{as_number(one.get('tasks')) or 0:,.0f}",
    )
    name = f"{text_of(one.get('second'))} than {text_of(one.get('first'))}"
    return tag("tr", tag("th", text(name), scope="row"), *(tag("td", text(cell)) for cell in cells))


def _count(value: object) -> str:
    return f"{len(value):,}" if is_list(value) else "—"
