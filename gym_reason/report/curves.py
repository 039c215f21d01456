"""Which curves the page shows, and how runs are told apart in them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from gym_reason.report.charts import SERIES_STYLES, Chart, Series, draw, draw_legend, smoothing
from gym_reason.report.markup import tag
from gym_reason.report.runs import RunRecord
from gym_reason.report.scales import Kind
from gym_reason.report.story import outline

# Share of the accuracy axis that a label takes up.
_LABEL_HEIGHT = 0.06
_Z = 1.96


@dataclass(frozen=True, slots=True)
class _Curve:
    """A figure of a stage's steps that is drawn."""

    title: str
    stage: str
    key: str
    note: str = ""
    kind: Kind = "number"
    bounds: tuple[float | None, float | None] = (None, None)
    band: Literal["", "error", "ends"] = ""
    """`error`: KEY_error is a standard error; `ends`: KEY_low and KEY_high are the ends."""
    always: bool = False
    """Whether it is shown without points too: every run of RL should have it."""


_SHARE = (0.0, 1.0)
_FROM_ZERO = (0.0, None)
_MAIN = (
    _Curve("Accuracy", "rl", "accuracy", "of sampled answers", "percent", _SHARE, "error", True),
    _Curve("Answer length", "rl", "length", "mean tokens", "number", _FROM_ZERO, "ends", True),
    _Curve("Reward", "rl", "reward", "mean of a step", band="error", always=True),
    _Curve("Loss, cold start", "cold_start", "loss", "cross-entropy", bounds=_FROM_ZERO),
    _Curve("Loss, preferences", "preference", "loss", "mean of the records"),
    _Curve("Preferences in order", "preference", "in_order", "share of pairs", "percent", _SHARE),
    _Curve("Loss, distillation", "distill", "loss", "all terms"),
    _Curve("Loss, fine-tuning", "sft", "loss", "cross-entropy", bounds=_FROM_ZERO),
    _Curve("Loss, reward model", "reward_model", "loss", bounds=_FROM_ZERO),
    _Curve("Reward model", "reward_model", "held_out_accuracy", "right judgements, held out",
           "percent", _SHARE),
    _Curve("Loss, reinforcement learning", "rl", "loss", "policy objective", always=True),
)  # fmt: skip
_SIDE = (
    _Curve("Entropy", "rl", "entropy", "nats a token", bounds=_FROM_ZERO, always=True),
    _Curve("Clipped", "rl", "clip_fraction", "share of tokens", "percent", _FROM_ZERO, always=True),
    _Curve("Sampler gap", "rl", "gap", "nats a token from the trainer", bounds=_FROM_ZERO,
           always=True),
    _Curve("Staleness", "rl", "staleness", "versions of the weights", bounds=_FROM_ZERO),
    _Curve("Drift", "rl", "drift", "nats a token from older weights", bounds=_FROM_ZERO),
    _Curve("Waiting", "rl", "wait_seconds", "seconds for episodes", bounds=_FROM_ZERO),
    _Curve("Speed", "rl", "tokens_per_s", "tokens a second", bounds=_FROM_ZERO, always=True),
    _Curve("Gradient norm", "rl", "grad_norm", "before clipping", bounds=_FROM_ZERO),
    _Curve("KL", "rl", "kl", "nats a token from the reference"),
    _Curve("Cut off", "rl", "cut_off", "share of answers at the token limit", "percent",
           _FROM_ZERO),
    _Curve("Learning rate", "rl", "lr", bounds=_FROM_ZERO),
    _Curve("Value loss", "rl", "value_loss", "of the critic", bounds=_FROM_ZERO),
)  # fmt: skip


def curves(runs: Sequence[RunRecord]) -> str:
    """Return the charts, the main ones first."""
    main = [_chart(runs, curve) for curve in _MAIN if _is_shown(runs, curve)]
    main += [_level_chart(runs), *_parts_charts(runs)]
    side = [_chart(runs, curve, small=True) for curve in _SIDE if _is_shown(runs, curve)]
    window = smoothing(main[0].series)
    lines = f"their moving average over up to {window} steps" if window > 1 else "join them"
    note = (
        f"Dots are single steps, lines {lines}. "
        "The horizontal axis counts steps of the stage. "
        "Point at a chart, or touch it, for the values of a step."
    )
    if any(one.band for chart in main for one in chart.series):
        note += (
            " Bands are 95 % intervals over a step's problems; of lengths, what lies between the "
            "shortest and the longest tenth."
        )
    legend = draw_legend([(run.name, index) for index, run in enumerate(runs)])
    return tag(
        "section",
        tag("h2", "How it went"),
        tag("p", note, class_="quiet"),
        legend if len(runs) > 1 else "",
        tag("div", *(draw(chart) for chart in main), class_="charts"),
        tag("div", *(draw(chart) for chart in side), class_="charts side"),
    )


def _is_shown(runs: Sequence[RunRecord], curve: _Curve) -> bool:
    return curve.always or any(y for run in runs for _, y in run.series(curve.stage, curve.key))


def _chart(runs: Sequence[RunRecord], curve: _Curve, *, small: bool = False) -> Chart:
    single = len(runs) == 1
    series = [
        Series(
            "" if single else run.name,
            run.series(curve.stage, curve.key),
            index % SERIES_STYLES,
            # Bands of several runs over one another would tell nothing.
            _band(run, curve) if single else (),
        )
        for index, run in enumerate(runs)
    ]
    marks = _held_out(runs[0]) if curve.key == "accuracy" and single else ()
    return Chart(curve.title, series, curve.note, curve.kind, curve.bounds, marks, small)


def _band(run: RunRecord, curve: _Curve) -> list[tuple[float, float, float]]:
    if curve.band == "ends":
        return run.band(curve.stage, f"{curve.key}_low", f"{curve.key}_high")
    if curve.band == "error":
        errors = dict(run.series(curve.stage, f"{curve.key}_error"))
        low, high = curve.bounds
        return [
            (
                x,
                y - _Z * errors[x] if low is None else max(low, y - _Z * errors[x]),
                y + _Z * errors[x] if high is None else min(high, y + _Z * errors[x]),
            )
            for x, y in run.series(curve.stage, curve.key)
            if x in errors
        ]
    return []


def _parts_charts(runs: Sequence[RunRecord]) -> list[Chart]:
    """Return the parts of the reward: of one run in one chart, of several a chart for each part."""
    tables = [run.table("rl", "parts") for run in runs]
    names = sorted({name for table in tables for name in table})
    if len(runs) == 1:
        # A part alone says what the reward says already.
        if len(names) < 2:
            return []
        series = [
            Series(name, tables[0][name], index % SERIES_STYLES, label=name)
            for index, name in enumerate(names)
        ]
        return [Chart("Parts of the reward", series, "mean, before weighting")]
    return [
        Chart(
            f"Part: {name}",
            [
                Series(run.name, table.get(name, []), index % SERIES_STYLES)
                for index, (run, table) in enumerate(zip(runs, tables, strict=True))
            ],
            "mean, before weighting",
        )
        for name in (names if len(names) > 1 else [])
    ]


def _level_chart(runs: Sequence[RunRecord]) -> Chart:
    """Return the difficulty where a curriculum raised it, else the share of groups used."""
    level = _chart(runs, _Curve("Difficulty", "rl", "level", "level of the curriculum"))
    if any(len({y for _, y in one.points}) > 1 for one in level.series):
        return level
    series: list[Series] = []
    for index, run in enumerate(runs):
        wholes = dict(run.series("rl", "groups"))
        used = run.series("rl", "groups_used")
        points = [(step, count / wholes[step]) for step, count in used if wholes.get(step)]
        series.append(Series(run.name if len(runs) > 1 else "", points, index % SERIES_STYLES))
    return Chart("Groups used", series, "neither all right nor all wrong", "percent", _SHARE)


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
