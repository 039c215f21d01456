"""What the page leads with, and the recipes at its end."""

import re
from collections.abc import Callable, Sequence

from gym_reason.report.markup import tag, text
from gym_reason.report.runs import RunRecord
from gym_reason.report.scales import format_duration, format_value
from gym_reason.report.story import Outline, outline, sentences, spread

_COLUMNS: tuple[tuple[str, Callable[[Outline], float | None], Callable[[float | None], str]], ...]
_COLUMNS = (
    ("Before", lambda o: o.before, lambda v: format_value(v, "percent")),
    ("After cold start", lambda o: o.cold_start, lambda v: format_value(v, "percent")),
    ("After", lambda o: o.after, lambda v: format_value(v, "percent")),
    ("First length", lambda o: o.length_first, format_value),
    ("Last length", lambda o: o.length_last, format_value),
    ("Steps", lambda o: float(o.steps), lambda v: f"{v or 0:,.0f}"),
    ("Time", lambda o: o.seconds, format_duration),
)


def header(runs: Sequence[RunRecord]) -> str:
    """Return the title and what was learned."""
    if len(runs) == 1:
        run = runs[0]
        facts = [fact for fact in (run.recipe_name, run.env, str(run.path)) if fact]
        under = tag("p", text(", ".join(dict.fromkeys(facts))), class_="under")
        lead = tag("p", _prose(" ".join(sentences(run))), class_="lead")
        return tag("header", tag("h1", text(run.name)), under, lead)
    environments = sorted({run.env for run in runs if run.env})
    under = tag("p", text(", ".join(environments)), class_="under") if environments else ""
    lead = tag("p", _prose(_compare(runs)), class_="lead")
    return tag("header", tag("h1", f"{len(runs)} runs compared"), under, lead)


def problems(runs: Sequence[RunRecord]) -> str:
    """Return a list of what is missing or broken; nothing where all is there."""
    items = [
        tag("li", text(f"{run.name}: {problem}" if len(runs) > 1 else problem))
        for run in runs
        for problem in run.problems
    ]
    return tag("section", tag("ul", *items), class_="problems") if items else ""


def cards(runs: Sequence[RunRecord]) -> str:
    """Return the leading numbers; of several runs the median with the smallest and the largest."""
    outlines = [outline(run) for run in runs]
    if len(runs) > 1:
        parts = [
            _spread_card(title, [read(o) for o in outlines], write)
            for title, read, write in _COLUMNS
            if title not in ("First length", "Steps")
        ]
        return tag("dl", *parts, class_="cards")
    first = outlines[0]
    steps = f"{first.steps:,} step{'' if first.steps == 1 else 's'}"
    parts = [_card("Right before", format_value(first.before, "percent"), "held-out problems")]
    if first.cold_start is not None:
        parts.append(
            _card(
                "Right after cold start",
                format_value(first.cold_start, "percent"),
                "held-out problems",
            )
        )
    parts += [
        _card("Right after", format_value(first.after, "percent"), "held-out problems"),
        _card(
            "Answer length",
            f"{format_value(first.length_first)} → {format_value(first.length_last)}",
            "mean tokens, first and last",
        ),
        _card("Time", format_duration(first.seconds), f"{steps} of reinforcement learning"),
    ]
    return tag("dl", *parts, class_="cards")


def runs_table(runs: Sequence[RunRecord]) -> str:
    """Return one row for each run and the spread below."""
    if len(runs) < 2:
        return ""
    outlines = [outline(run) for run in runs]
    head = tag("tr", tag("th", "Run"), *(tag("th", title) for title, _, _ in _COLUMNS))
    rows = [
        tag(
            "tr",
            tag("th", text(run.name), scope="row"),
            *(tag("td", text(w(r(o)))) for _, r, w in _COLUMNS),
        )
        for run, o in zip(runs, outlines, strict=True)
    ]
    spreads = [spread([read(o) for o in outlines]) for _, read, _ in _COLUMNS]
    foot = [
        tag(
            "tr",
            tag("th", label, scope="row"),
            *(
                tag("td", text(write(values[index] if values else None)))
                for values, (_, _, write) in zip(spreads, _COLUMNS, strict=True)
            ),
        )
        for index, label in enumerate(("Median", "Smallest", "Largest"))
    ]
    table = tag(
        "table", tag("thead", head), tag("tbody", *rows), tag("tfoot", *foot), class_="runs"
    )
    return tag("section", tag("h2", "The runs"), tag("div", table, class_="scroll", tabindex=0))


def recipes(runs: Sequence[RunRecord]) -> str:
    """Return the resolved recipes, folded away."""
    folded = [
        tag(
            "details",
            tag("summary", text("Resolved recipe" if len(runs) == 1 else f"Recipe of {run.name}")),
            tag("pre", text(run.recipe)),
        )
        for run in runs
        if run.recipe
    ]
    return tag("section", tag("h2", "What was asked for"), *folded) if folded else ""


def _compare(runs: Sequence[RunRecord]) -> str:
    outlines = [outline(run) for run in runs]
    after, before = spread([o.after for o in outlines]), spread([o.before for o in outlines])
    lengths = spread([o.length_first for o in outlines]), spread([o.length_last for o in outlines])
    words: list[str] = []
    if after and before:
        ends = f"{format_value(after[1], 'percent')} to {format_value(after[2], 'percent')}"
        words.append(
            f"The median run went from {format_value(before[0], 'percent')} to "
            f"{format_value(after[0], 'percent')} of held-out problems; the runs ended at {ends}."
        )
    else:
        words.append(
            "No run has ended yet, so there is no accuracy on held-out problems to compare."
        )
    if lengths[0] and lengths[1]:
        first, last = format_value(lengths[0][0]), format_value(lengths[1][0])
        words.append(f"The median mean answer went from {first} to {last} tokens.")
    seconds = spread([o.seconds for o in outlines])
    if seconds:
        words.append(f"The median run took {format_duration(seconds[0])}.")
    return " ".join(words)


def _prose(words: str) -> str:
    """Return words as HTML in which no line ends between a number and its unit."""
    return re.sub(r"(?<=\d) (?=(?:%|s|min|h|tokens?|steps?)(?!\w))", "\u00a0", text(words))


def _card(title: str, value: str, detail: str) -> str:
    return tag(
        "div",
        tag("dt", text(title)),
        tag("dd", text(value)),
        tag("dd", _prose(detail), class_="detail"),
        class_="card",
    )


def _spread_card(
    title: str, values: Sequence[float | None], write: Callable[[float | None], str]
) -> str:
    found = spread(values)
    if found is None:
        return _card(title, "—", "not on record")
    detail = write(found[1]) if found[1] == found[2] else f"{write(found[1])} to {write(found[2])}"
    return _card(title, write(found[0]), f"median; {detail}")
