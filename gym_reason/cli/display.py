"""What a person sees while a run goes on, and the three lines at its end."""

import itertools
import math
import time
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from gym_reason.types import Json

if TYPE_CHECKING:
    from gym_reason.trainers.train import Summary

STAGES = {
    "cold_start": "cold start",
    "sft": "supervised fine-tuning",
    "reward_model": "reward model",
    "preference": "preference training",
    "distill": "distillation",
    "rl": "RL",
}
"""What a person calls each stage."""
SPARKS = "▁▂▃▄▅▆▇█"
LINE_EVERY_S = 10.0
FIGURES = {
    "reward": "{:.3f}",
    "accuracy": "{:.1%}",
    "length": "{:.1f} tokens",
    "loss": "{:.4f}",
    "held_out_accuracy": "{:.1%}",
    "tokens_per_s": "{:,.0f}/s",
    "level": "{}",
}
"""The figures that a person sees, in this order, and how each is written."""
FIGURE_LABELS = {"tokens_per_s": "tokens", "held_out_accuracy": "held-out"}


class PlainObserver:
    """Prints a line now and then; for logs and pipes."""

    def __init__(self, console: Console) -> None:
        """Print to `console`."""
        self._console = console
        self._total = 0
        self._last_line = -math.inf

    def __enter__(self) -> Self:
        """Start."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """End."""

    def print(self, text: str) -> None:
        """Print a line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def on_stage(self, name: str, total: int, done: int) -> None:
        """Note the stage."""
        self._total = total
        self._last_line = -math.inf

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Print the step, if the last line was long enough ago or the stage ends with it."""
        now = time.monotonic()
        if now - self._last_line < LINE_EVERY_S and row["step"] != self._total:
            return
        self._last_line = now
        figures = "  ".join(f"{label} {value}" for label, value in figures_of(row))
        self.print(f"{STAGES[str(row['stage'])]} {row['step']}/{self._total}  {figures}")

    def on_message(self, text: str) -> None:
        """Print the message."""
        self.print(text)


class LiveObserver(PlainObserver):
    """Redraws the stage, its bar, its figures and the curves so far, several times a second."""

    def __init__(self, console: Console, name: str) -> None:
        """Draw on `console`, under the recipe's name."""
        super().__init__(console)
        self._name = name
        self._stage = ""
        self._done = self._first = 0
        self._since = time.monotonic()
        self._row: Mapping[str, Json] = {}
        self._history: dict[str, list[float]] = {}
        self._live = Live(
            get_renderable=self._draw, console=console, refresh_per_second=4, transient=True
        )

    def __enter__(self) -> Self:
        """Start to draw."""
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Leave the terminal as it was."""
        self._live.stop()

    def on_stage(self, name: str, total: int, done: int) -> None:
        """Begin a new bar and new curves."""
        self._stage, self._total = name, total
        self._done = self._first = done
        self._since = time.monotonic()
        self._row, self._history = {}, {}

    def on_step(self, row: Mapping[str, Json]) -> None:
        """Keep the figures for the next redraw."""
        self._done = int(str(row["step"]))
        self._row = row
        for key in ("accuracy", "length") if self._stage == "rl" else ("loss",):
            value = row.get(key)
            if isinstance(value, int | float):
                self._history.setdefault(key, []).append(float(value))

    def _draw(self) -> RenderableType:
        if not self._stage:
            return Text(f"{self._name}: preparing ...")
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(f"{self._name}: {STAGES[self._stage]}", style="bold"),
            ProgressBar(total=max(self._total, 1), completed=self._done, width=32),
            Text(f"{self._done}/{self._total}"),
            Text(f"{self._time_left()} left", style="dim"),
        )
        figures = Table.grid(padding=(0, 2))
        figures.add_row(
            *(Text.assemble((f"{label} ", "dim"), value) for label, value in figures_of(self._row))
        )
        curves = Table.grid(padding=(0, 2))
        for key, values in self._history.items():
            # The curve is scaled to its own range, so the range has to stand beside it.
            low, high = (FIGURES[key].format(value) for value in (min(values), max(values)))
            curves.add_row(
                Text(key, style="dim"),
                Text(sparkline(values, 40), style="cyan"),
                Text(f"{low} to {high}", style="dim"),
            )
        return Group(head, figures, curves)

    def _time_left(self) -> str:
        finished = self._done - self._first
        if finished == 0:
            return "?"
        each = (time.monotonic() - self._since) / finished
        return format_seconds(each * (self._total - self._done))


def make_observer(name: str) -> PlainObserver:
    """Return the display for the terminal at hand; it draws on stderr, stdout is for results."""
    console = Console(stderr=True)
    return LiveObserver(console, name) if console.is_terminal else PlainObserver(console)


def figures_of(row: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Return the figures of a step that a person wants to see, with their labels."""
    # The loss of RL hovers around zero whatever is learned.
    hidden = {"loss"} if "accuracy" in row else set()
    return [
        (FIGURE_LABELS.get(key, key), form.format(row[key]))
        for key, form in FIGURES.items()
        if key in row and key not in hidden
    ]


def sparkline(values: list[float], width: int) -> str:
    """Return a curve as one line of block characters, scaled from lowest to highest.

    Each of at most `width` characters shows the mean of neighbouring values.
    """
    if not values:
        return ""
    count = min(width, len(values))
    edges = [i * len(values) // count for i in range(count + 1)]
    means = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    low, high = min(means), max(means)
    span = (high - low) or 1.0
    return "".join(SPARKS[round((mean - low) / span * (len(SPARKS) - 1))] for mean in means)


def format_seconds(seconds: float) -> str:
    """Return a duration as a person says it."""
    whole = max(round(seconds), 0)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def say_result(summary: "Summary") -> None:
    """Print the three lines that a run ends with: what was learned, at what cost, where it is."""
    stations = []
    last = in_words(list(summary.steps)[-1]) if summary.steps else "training"
    if summary.accuracy_cold_start is not None:
        stations.append(f"to {summary.accuracy_cold_start:.1%} by the cold start")
    if summary.steps:
        stations.append(f"to {summary.accuracy_after:.1%} by {last}")
    before, after = f"{summary.accuracy_before:.1%}", " and ".join(stations) or "nowhere"
    print(f"Result: held-out accuracy went from {before} {after}.")
    print(
        f"{describe_lengths(summary.length_before, summary.length_after, last)} "
        f"({format_seconds(summary.seconds)}, {summary.tokens:,} tokens)."
    )
    print(f"Look at {summary.run}/report.html; the model is {summary.run}/checkpoints/last/model.")


def in_words(stage: str) -> str:
    """Return a stage as it stands in a sentence."""
    article = "the " if stage in ("cold_start", "reward_model") else ""
    return f"{article}{STAGES[stage]}"


def describe_lengths(before: float, after: float, stage: str) -> str:
    """Return what became of the mean length of answers, as a sentence without its full stop."""
    first, last = f"{before:.1f}", f"{after:.1f}"
    if first == last:
        return f"Answers kept their length: {first} tokens before {stage} and after"
    change = "longer" if after > before else "shorter"
    return f"Answers grew {change}: {first} tokens before {stage}, {last} after"
