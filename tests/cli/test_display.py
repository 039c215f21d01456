"""What a person sees of a run: curves, durations, figures, the live display, the last lines."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from gym_reason.cli.display import (
    SPARKS,
    LiveObserver,
    PlainObserver,
    describe_lengths,
    figures_of,
    format_seconds,
    make_observer,
    say_result,
    sparkline,
)
from gym_reason.trainers.train import Summary
from gym_reason.types import Json


def rl_row(step: int, accuracy: float = 0.5) -> dict[str, Json]:
    """Return a step's line of `metrics.jsonl`, as far as it is shown."""
    return {
        "stage": "rl",
        "step": step,
        "reward": accuracy,
        "accuracy": accuracy,
        "length": 10.0 + step,
        "tokens_per_s": 12345.6,
        "loss": 0.25,
    }


def live() -> LiveObserver:
    """Return an observer that draws on a terminal nobody looks at."""
    return LiveObserver(Console(file=io.StringIO(), force_terminal=True, width=80), "demo")


def shown(observer: LiveObserver, width: int = 80) -> list[str]:
    """Return the lines that a terminal of `width` columns shows of the live display now."""
    console = Console(file=io.StringIO(), force_terminal=True, width=width, record=True)
    console.print(observer._live.get_renderable())
    return [line.rstrip() for line in console.export_text().splitlines()]


def test_sparkline_rises_from_lowest_to_highest() -> None:
    assert sparkline([float(i) for i in range(8)], 8) == SPARKS
    assert sparkline([3.0, 1.0, 3.0], 8) == "█▁█"
    assert sparkline([], 8) == ""
    assert sparkline([5.0, 5.0], 8) == "▁▁"


def test_sparkline_shows_means_of_neighbours() -> None:
    assert sparkline([0.0, 2.0, 0.0, 0.0, 8.0, 6.0], 3) == "▂▁█"


@given(st.lists(st.floats(-1e9, 1e9), max_size=200), st.integers(1, 60))
def test_sparkline_fits_whatever_the_values(values: list[float], width: int) -> None:
    curve = sparkline(values, width)
    assert len(curve) == min(width, len(values))
    assert set(curve) <= set(SPARKS)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (61, "1 min 01 s"),
        (3599.7, "1 h 00 min"),
        (7384, "2 h 03 min"),
    ],
)
def test_a_duration_reads_as_a_person_says_it(seconds: float, text: str) -> None:
    assert format_seconds(seconds) == text


def test_figures_are_labelled_in_a_fixed_order_and_absent_ones_left_out() -> None:
    assert figures_of({"loss": 0.25, "tokens_per_s": 7.0, "step": 3}) == [
        ("loss", "0.2500"),
        ("tokens", "7/s"),
    ]
    assert [label for label, _ in figures_of(rl_row(1))] == [
        *("reward", "accuracy", "length", "tokens")
    ]
    assert ("tokens", "12,346/s") in figures_of(rl_row(1))
    assert figures_of({}) == []


def test_the_live_display_is_calm_and_whole_at_80_columns() -> None:
    observer = live()
    with observer:
        assert shown(observer) == ["demo: preparing ..."]
        observer.on_stage("cold_start", 4, 0)
        observer.on_step({"stage": "cold_start", "step": 1, "loss": 2.5, "tokens_per_s": 100.0})
        drawn = shown(observer)
        assert drawn[0].startswith("demo: cold start")
        assert "1/4" in drawn[0]
        assert drawn[0].endswith("left")
        assert "loss 2.5000" in drawn[1]
        observer.on_stage("rl", 100, 0)
        assert "? left" in shown(observer)[0]
        for step in range(1, 61):
            observer.on_step(rl_row(step, step / 100))
        drawn = shown(observer)
    text = "\n".join(drawn)
    assert drawn[0].startswith("demo: RL")
    for part in ("60/100", "reward 0.600", "accuracy 60.0%", "length 70.0 tokens", "12,346/s"):
        assert part in text
    curves = [line for line in drawn if SPARKS[0] in line]
    assert [line.split()[0] for line in curves] == ["accuracy", "length"]
    assert all(line.count(SPARKS[-1]) for line in curves)
    assert "1.0% to 60.0%" in curves[0]
    assert "11.0 tokens to 70.0 tokens" in curves[1]
    assert max(map(len, drawn)) <= 80
    assert len(drawn) == 4, drawn


def test_a_resumed_stage_counts_its_time_from_where_it_goes_on() -> None:
    observer = live()
    with observer:
        observer.on_stage("rl", 10, 8)
        head = shown(observer)[0]
    assert "8/10" in head
    assert "? left" in head


def test_a_pipe_gets_plain_lines_and_no_control_codes() -> None:
    stream = io.StringIO()
    with PlainObserver(Console(file=stream, width=20)) as observer:
        observer.on_message("[bold] a message longer than the console is wide")
        observer.on_stage("rl", 3, 0)
        for step in (1, 2, 3):
            observer.on_step(rl_row(step))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "[bold] a message longer than the console is wide"
    # The first and the last step; the one between came too soon after.
    assert [line.split("  ")[0] for line in lines[1:]] == ["RL 1/3", "RL 3/3"]
    assert "\x1b" not in stream.getvalue()


def test_results_alone_go_to_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    with make_observer("demo") as observer:
        observer.on_message("progress")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "progress\n")


def summary(cold_start: float | None, lengths: tuple[float, float]) -> Summary:
    """Return what a run achieved."""
    return Summary(
        recipe="demo",
        env="gym_reason/Arithmetic-v0",
        seed=0,
        accuracy_before=0.5,
        accuracy_cold_start=cold_start,
        accuracy_after=0.25,
        length_before=lengths[0],
        length_after=lengths[1],
        problems=512,
        steps={"cold_start": 600, "rl": 120},
        seconds=75.0,
        tokens=1_234_567,
        run=str(Path("runs/demo")),
    )


def test_a_run_ends_with_three_lines(capsys: pytest.CaptureFixture[str]) -> None:
    say_result(summary(0.75, (7.0, 9.5)))
    assert capsys.readouterr().out.splitlines() == [
        "Result: held-out accuracy went from 50.0% to 75.0% by the cold start and to 25.0% by RL.",
        "Answers grew longer: 7.0 tokens before RL, 9.5 after (1 min 15 s, 1,234,567 tokens).",
        "Look at runs/demo/report.html; the model is runs/demo/checkpoints/last/model.",
    ]
    say_result(summary(None, (7.0, 7.0)))
    first, second, _ = capsys.readouterr().out.splitlines()
    assert first == "Result: held-out accuracy went from 50.0% to 25.0% by RL."
    assert second.startswith("Answers kept their length: 7.0 tokens before RL and after (")


def test_lengths_are_compared_as_they_are_shown() -> None:
    shorter = "Answers grew shorter: 9.0 tokens before RL, 7.0 after"
    assert describe_lengths(9.0, 7.0, "RL") == shorter
    assert describe_lengths(7.01, 7.04, "RL").startswith("Answers kept their length")
