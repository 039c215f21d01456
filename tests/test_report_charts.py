"""Charts of the report: ticks, averages, how numbers are written, what stays in its frame."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gym_reason.report import build_report
from gym_reason.report.charts import Chart, Series, draw
from gym_reason.report.scales import (
    format_duration,
    format_tick,
    format_value,
    moving_average,
    nice_ticks,
    thin,
)
from tests.test_report import SUMMARY, Page, make_run, parse, rl_row


def test_intervals_are_drawn_around_the_curves_of_one_run(tmp_path: Path) -> None:
    rows = [
        rl_row(step, accuracy_error=0.1, reward_error=0.2, length_low=3.0, length_high=50.0)
        for step in range(1, 4)
    ]
    run = make_run(tmp_path / "run", rows, SUMMARY)
    page = parse(build_report([run], run))
    paths = [(a["class"] or "", a["d"] or "") for name, a in page.tags if name == "path"]
    bands = [places for kind, places in paths if kind.startswith("band")]
    assert len(bands) == 3
    assert all(band.endswith("Z") and band.count("L") == 5 for band in bands)
    assert "95 % intervals" in page.shown
    both = parse(build_report([run, make_run(tmp_path / "other", rows)], tmp_path / "o.html"))
    assert not [a for name, a in both.tags if name == "path" and "band" in (a["class"] or "")]


@given(
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.floats(-1e9, 1e9, allow_subnormal=False),
    st.integers(2, 8),
)
def test_ticks_enclose_their_range(first: float, second: float, count: int) -> None:
    low, high = min(first, second), max(first, second)
    ticks = nice_ticks(low, high, count)
    slack = 1e-6 * max(abs(low), abs(high), 1e-9)
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack
    assert 2 <= len(ticks) <= count + 3


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.25, 0.5, 0.75, 1]),
        (3, 3, [2.6, 2.8, 3.0, 3.2, 3.4]),
        (0, 0, [-1, -0.5, 0, 0.5, 1]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert nice_ticks(low, high) == pytest.approx(expected)


def test_a_moving_average_keeps_the_length_and_smooths() -> None:
    points = [(float(x), float(y)) for x, y in enumerate([0, 3, 0, 3, 6])]
    averaged = moving_average(points, 3)
    assert [x for x, _ in averaged] == [0, 1, 2, 3, 4]
    assert [y for _, y in averaged] == pytest.approx([1.5, 1, 2, 3, 4.5])
    assert moving_average(points, 1) == points
    assert moving_average([], 5) == []


@given(st.integers(0, 400), st.integers(2, 50))
def test_thinning_keeps_the_ends_and_the_order(count: int, limit: int) -> None:
    points = [(float(x), 0.0) for x in range(count)]
    kept = thin(points, limit)
    assert len(kept) == min(count, limit)
    assert kept == sorted(set(kept))
    assert kept[:1] + kept[-1:] == points[:1] + points[-1:]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.0, "0"), (0.000212, "0.000212"), (0.5, "0.500"), (12.345, "12.3"), (99.96, "100"),
        (1234.5, "1,234"), (-3.14159, "-3.14"), (1e-7, "1e-07"), (None, "—"),
    ],
)  # fmt: skip
def test_values_have_three_digits(value: float | None, expected: str) -> None:
    assert format_value(value) == expected


@pytest.mark.parametrize(
    ("value", "step", "expected"),
    [(0.25, 0.25, "0.25"), (0.5, 0.25, "0.50"), (20000, 10000, "20k"), (-0.04, 0.02, "-0.04")],
)
def test_ticks_have_the_digits_of_their_step(value: float, step: float, expected: str) -> None:
    assert format_tick(value, step) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, "0.0 s"),
        (0.00036, "0.36 ms"),
        (0.44, "0.4 s"),
        (59.4, "59 s"),
        (59.9, "1 min 0 s"),
        (200, "3 min 20 s"),
        (7500, "2 h 5 min"),
    ],
)
def test_durations_are_as_people_say_them(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


@given(st.lists(st.floats(-1e12, 1e12), min_size=1, max_size=30), st.booleans())
def test_a_chart_stays_in_its_frame(values: list[float], small: bool) -> None:
    points = [(float(index), value) for index, value in enumerate(values)]
    page = Page()
    page.feed(draw(Chart("Values", [Series("run", points)], small=small)))
    width, height = (320, 170) if small else (360, 205)
    for name, attributes in page.tags:
        if name == "circle":
            assert 0 <= float(attributes["cx"] or "") <= width
            assert 0 <= float(attributes["cy"] or "") <= height
