"""The alarms and cities that are there anyway, with a timer and a stopwatch at rest."""

from gym_reason.envs.mobile.apps.clock import ALARM, CITIES, CITY, DAYS, Alarm, City
from gym_reason.envs.mobile.apps.clock_timers import (
    IDLE_STOPWATCH,
    IDLE_TIMER,
    write_stopwatch,
    write_timer,
)
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

ALARM_MINUTES = tuple(range(5 * 60, 23 * 60, 5))
"""Minutes of the day at which alarms ring."""


def fill_clock(world: World, values: Values) -> World:
    """Return the world with five or six alarms at different times, and two cities."""
    for minutes in values.sample(ALARM_MINUTES, values.integer(5, 6)):
        world = world.insert(ALARM, make_alarm(values, minutes))
    for name in values.sample(tuple(CITIES), 2):
        world = world.insert(CITY, City(name, CITIES[name]))
    return write_stopwatch(write_timer(world, IDLE_TIMER), IDLE_STOPWATCH)


def make_alarm(values: Values, minutes: int) -> Alarm:
    """Return an alarm at a minute of the day, with a label of its own."""
    days = draw_days(values) if values.chance(0.5) else ""
    return Alarm(0, minutes // 60, minutes % 60, days, values.title(), values.chance(0.5))


def draw_days(values: Values) -> str:
    """Return some days of the week, as alarms hold them."""
    chosen = values.sample(DAYS, values.integer(1, 4))
    return ",".join(day for day in DAYS if day in chosen)
