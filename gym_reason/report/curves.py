"""Which curves the page shows, and how runs are told apart in them."""

from collections.abc import Sequence

from gym_reason.report.charts import SERIES_STYLES, Chart, Series, draw, smoothing
from gym_reason.report.markup import tag, text
from gym_reason.report.runs import RunRecord
from gym_reason.report.scales import Kind
from gym_reason.report.story import outline

# Share of the accuracy axis that a label takes up.
_LABEL_HEIGHT = 0.06


def curves(runs: Sequence[RunRecord]) -> str:
    """Return the charts, the main ones first."""
    main = [
        _chart(runs, "Accuracy", "rl", "accuracy", "of sampled answers", "percent", (0.0, 1.0)),
        _chart(runs, "Answer length", "rl", "length", "mean tokens", bounds=(0.0, None)),
        _chart(runs, "Reward", "rl", "reward", "mean of a step"),
        _chart(runs, "Loss, cold start", "cold_start", "loss", "cross-entropy", bounds=(0.0, None)),
        _chart(runs, "Loss, preferences", "preference", "loss", "mean of the records"),
        _chart(
            runs,
            "Preferences in order",
            "preference",
            "in_order",
            "share of pairs",
            "percent",
            (0.0, 1.0),
        ),
        _chart(runs, "Loss, distillation", "distill", "loss", "all terms"),
        _chart(runs, "Loss, fine-tuning", "sft", "loss", "cross-entropy", bounds=(0.0, None)),
        _chart(runs, "Loss, reward model", "reward_model", "loss", bounds=(0.0, None)),
        _chart(
            runs,
            "Reward model",
            "reward_model",
            "held_out_accuracy",
            "right judgements, held out",
            "percent",
            (0.0, 1.0),
        ),
        _chart(runs, "Loss, reinforcement learning", "rl", "loss", "policy objective"),
        _level_chart(runs),
    ]
    side = [
        _chart(runs, "Entropy", "rl", "entropy", "nats a token", bounds=(0.0, None), small=True),
        _chart(
            runs,
            "Clipped",
            "rl",
            "clip_fraction",
            "share of tokens",
            "percent",
            (0.0, None),
            small=True,
        ),
        _chart(runs, "Sampler gap", "rl", "gap", "log-probability", bounds=(0.0, None), small=True),
        _chart(
            runs, "Speed", "rl", "tokens_per_s", "tokens a second", bounds=(0.0, None), small=True
        ),
        _chart(
            runs,
            "Gradient norm",
            "rl",
            "grad_norm",
            "before clipping",
            bounds=(0.0, None),
            small=True,
        ),
        _chart(runs, "KL", "rl", "kl", "from the reference", small=True),
        _chart(runs, "Learning rate", "rl", "lr", bounds=(0.0, None), small=True),
    ]
    # Some stages and the distance from a reference are parts that a recipe may not have.
    optional = {
        *("Loss, cold start", "Loss, fine-tuning", "Loss, reward model", "Reward model"),
        *("Loss, preferences", "Preferences in order"),
        *("Loss, distillation", "KL", "Gradient norm", "Learning rate"),
    }
    main = [chart for chart in main if chart.title not in optional or _has_points(chart)]
    side = [chart for chart in side if chart.title not in optional or _has_points(chart)][:6]
    window = smoothing(main[0].series)
    lines = f"their moving average over up to {window} steps" if window > 1 else "join them"
    note = (
        f"Dots are single steps, lines {lines}. "
        "The horizontal axis counts steps of the stage. Point at a dot for its value."
    )
    return tag(
        "section",
        tag("h2", "How it went"),
        tag("p", note, class_="quiet"),
        _legend(runs),
        tag("div", *(draw(chart) for chart in main), class_="charts"),
        tag("div", *(draw(chart) for chart in side), class_="charts side"),
    )


def _chart(
    runs: Sequence[RunRecord],
    title: str,
    stage: str,
    key: str,
    note: str = "",
    kind: Kind = "number",
    bounds: tuple[float | None, float | None] = (None, None),
    *,
    small: bool = False,
) -> Chart:
    series = [
        Series(run.name if len(runs) > 1 else "", run.series(stage, key), index % SERIES_STYLES)
        for index, run in enumerate(runs)
    ]
    marks = _held_out(runs[0]) if key == "accuracy" and len(runs) == 1 else ()
    return Chart(title, series, note, kind, bounds, marks, small)


def _level_chart(runs: Sequence[RunRecord]) -> Chart:
    """Return the difficulty where a curriculum raised it, else the share of groups used."""
    level = _chart(runs, "Difficulty", "rl", "level", "level of the curriculum")
    if any(len({y for _, y in one.points}) > 1 for one in level.series):
        return level
    series: list[Series] = []
    for index, run in enumerate(runs):
        wholes = dict(run.series("rl", "groups"))
        used = run.series("rl", "groups_used")
        points = [(step, count / wholes[step]) for step, count in used if wholes.get(step)]
        series.append(Series(run.name if len(runs) > 1 else "", points, index % SERIES_STYLES))
    return Chart("Groups used", series, "neither all right nor all wrong", "percent", (0.0, 1.0))


def _held_out(run: RunRecord) -> list[tuple[str, float]]:
    """Return the held-out accuracies as named levels; those that would overlap share a name."""
    numbers = outline(run)
    phases = (
        ("before", numbers.before),
        ("after cold start", numbers.cold_start),
        ("after", numbers.after),
    )
    levels: list[tuple[list[str], float]] = []
    for name, value in phases:
        if value is None:
            continue
        near = next((names for names, other in levels if abs(other - value) < _LABEL_HEIGHT), None)
        if near is None:
            levels.append(([name], value))
        else:
            near.append(name)
    return [(f"held-out, {' and '.join(names)}", value) for names, value in levels]


def _has_points(chart: Chart) -> bool:
    return any(any(y for _, y in one.points) for one in chart.series)


def _legend(runs: Sequence[RunRecord]) -> str:
    if len(runs) < 2:
        return ""
    items = [
        tag(
            "li",
            tag("svg", tag("path", d="M1 5 L33 5", class_=f"line series-{index % SERIES_STYLES}"),
                viewBox="0 0 34 10", aria_hidden="true"),
            tag("span", text(run.name)),
        )
        for index, run in enumerate(runs)
    ]  # fmt: skip
    return tag("ul", *items, class_="legend")
