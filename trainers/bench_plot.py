"""The picture of a bench: held-out accuracy of every recipe, with its seeds and its control."""

from collections.abc import Sequence
from pathlib import Path

from gym_reason.errors import UsageError
from gym_reason.trainers.bench import BenchRun, summarise

INK, FAINT, CONTROL = "#1f6f6f", "#9cc5c1", "#b4552d"


def draw_bench(runs: Sequence[BenchRun], path: Path) -> None:
    """Draw one line a recipe: its seeds as dots, their mean with its 95% interval, its control.

    Raises UsageError where matplotlib is not installed.
    """
    try:
        import matplotlib
    except ImportError:
        raise UsageError(
            "matplotlib is not installed", "it, to draw", 'pip install "gym-reason[report]"'
        ) from None
    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "gym_reason"
    from matplotlib import pyplot

    rows = [row for row in summarise(runs) if not row.shuffled][::-1]
    figure, axis = pyplot.subplots(figsize=(8.4, 0.9 + 0.3 * len(rows)), constrained_layout=True)
    for place, row in enumerate(rows):
        own = [100 * run.accuracy for run in runs if run.recipe == row.recipe and not run.shuffled]
        control = [100 * run.accuracy for run in runs if run.recipe == row.recipe and run.shuffled]
        axis.plot(own, [place] * len(own), "o", color=FAINT, markersize=5)
        axis.plot(control, [place] * len(control), "x", color=CONTROL, markersize=5)
        low, high = (100 * end for end in row.interval)
        axis.plot([low, high], [place, place], color=INK, linewidth=2)
        axis.plot([100 * row.accuracy], [place], "D", color=INK, markersize=6)
    axis.plot([], [], "D", color=INK, label="mean, with its 95% interval")
    axis.plot([], [], "o", color=FAINT, label="one seed")
    if any(run.shuffled for run in runs):
        axis.plot([], [], "x", color=CONTROL, label="one seed, rewards shuffled")
    axis.set_yticks(range(len(rows)), [row.recipe for row in rows])
    axis.set_xlim(0, 102)
    axis.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}%")
    axis.set_title("Held-out problems answered rightly", loc="left", fontsize=11)
    axis.spines[["top", "right"]].set_visible(False)
    axis.grid(axis="x", alpha=0.25)
    figure.legend(loc="outside lower center", ncols=3, frameon=False, fontsize=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, metadata={"Date": None})
    pyplot.close(figure)
