"""The tasks of the calendar, of the lists of things to do, and of expenses and recipes."""

import calendar
from datetime import date, timedelta

import pytest

from gym_reason.envs.mobile.dates import DAY_S, read_day
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.tasks.calendar import CALENDAR_TEMPLATES
from gym_reason.envs.mobile.tasks.days import draw_missing_date, name_from_today
from gym_reason.envs.mobile.tasks.fill_calendar import fill_calendar
from gym_reason.envs.mobile.tasks.fill_expenses import fill_expenses
from gym_reason.envs.mobile.tasks.fill_recipes import fill_recipes
from gym_reason.envs.mobile.tasks.fill_tasks import fill_tasks
from gym_reason.envs.mobile.tasks.records import RECORDS_TEMPLATES
from gym_reason.envs.mobile.tasks.tasks import TASKS_TEMPLATES
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.seeding import derive_rng
from gym_reason.verifiers.state.world import EMPTY_WORLD
from tests.envs.mobile.gate import (
    judge_end,
    last_answer,
    perform_script,
    variants_of,
)

TEMPLATES = (*CALENDAR_TEMPLATES, *TASKS_TEMPLATES, *RECORDS_TEMPLATES)
VARIANTS = variants_of(TEMPLATES)
MOMENTS = [
    *((2023, 10, day, 8 + 2 * (day - 12)) for day in range(12, 19)),
    (2023, 12, 31, 9),
    (2024, 2, 29, 20),
]
"""A time of each weekday, the end of a year, and a leap day."""


@pytest.mark.parametrize("moment", MOMENTS)
def test_oracles_win_on_any_day(moment: tuple[int, int, int, int]) -> None:
    now = calendar.timegm((*moment, 15, 0))
    for name, variant in VARIANTS:
        for twin in (False, True)[: 1 + variant.has_twin]:
            values = Values(derive_rng(now, name), "all")
            world = EMPTY_WORLD.at(now)
            for fill in (fill_calendar, fill_tasks, fill_expenses, fill_recipes):
                world = fill(world, values)
            draft = variant.draw(values, world, twin)
            device, hand = perform_script(draft, Look())
            status = "infeasible" if twin else "complete"
            verdict = judge_end(draft, device, status, last_answer(hand))
            assert verdict.correct, f"{name} at {moment}: {verdict.detail}"


def test_a_missing_date_is_none_and_near() -> None:
    for day in range(1, 366, 6):
        world = EMPTY_WORLD.at(day * DAY_S)
        words = draw_missing_date(Values(derive_rng(day), "train"), world)
        assert read_day(words) is None
        assert read_day(f"{words[:-2]}28") is not None
        assert 0 <= int(words[:4]) * 12 + int(words[5:7]) - 1970 * 12 <= 12 + 7


@pytest.mark.parametrize("away", range(-2, 20))
def test_days_are_named_so_that_only_one_is_meant(away: int) -> None:
    for today in (date(2023, 10, 12 + number) for number in range(7)):
        names = [name_from_today(today + timedelta(days=number), today) for number in range(-2, 20)]
        name = name_from_today(today + timedelta(days=away), today)
        assert name is None or names.count(name) == 1


def test_each_task_is_covered_once() -> None:
    covered = [name for _, variant in VARIANTS for name in variant.covers]
    assert len(covered) == len(set(covered)) == 45
