"""Questions about the log of activities."""

from collections.abc import Sequence
from datetime import date

from gym_reason.envs.mobile.apps.places.log import CATEGORIES, start_of_week
from gym_reason.envs.mobile.apps.places.tables import ACTIVITY, Activity
from gym_reason.envs.mobile.dates import DAY_S, day_at, shift_days, start_of
from gym_reason.envs.mobile.tasks.days import name_day
from gym_reason.envs.mobile.tasks.fill_places import draw_activity
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Answer, Goal
from gym_reason.verifiers.state.world import Value, World

ENOUGH_S = DAY_S
"""Seconds of this week that must be over, for it to be asked about."""

_COUNT = (
    "How many {sport} activities did I do {week}? Answer with a number.",
    "Count the {sport} activities of my log {week}, and answer with the number alone.",
    "Look into the activity log: how often did I do {sport} {week}? Answer just with a number.",
)
_ON_DAY = (
    "Which sports did I do {day}? Name each once, with commas between them, or answer none.",
    "Look into the activity log and list the sports of what I did {day}: each one once, with a "
    "comma in between; none if there was nothing.",
    "What kinds of activities are in my log {day}? Answer with the sports, set apart by commas, "
    "or with the word none.",
)
_DURATION = (
    "How many minutes did my {sport} activity {day} take? Answer with a number.",
    "Look into the activity log: how long was the {sport} {day}, in minutes? Answer with the "
    "number alone.",
    "I want to know the length of my {sport} activity {day}. Answer with the minutes as a number.",
)
_EXTREME = (
    "How many metres was my {which} {sport} activity {week}? Answer with a number.",
    "Of my {sport} activities {week}, what is the distance of the {which} one, in metres? Answer "
    "with the number alone.",
    "Look into the activity log for {sport} {week}, and answer with the distance of the {which} "
    "activity in metres, just as a number.",
)
_DISTANCE = (
    "How many metres did I cover in {sport} activities from {first} to {last}? Answer with a "
    "number.",
    "Add up the distances of my {sport} activities from {first} to {last}, both days included. "
    "Answer with the metres as a number.",
    "What is the total distance of {sport} in my log between {first} and {last}, those days "
    "included? Answer with the metres, just as a number.",
)
_MINUTES = (
    "How many minutes of {sport} did I do {week} altogether? Answer with a number.",
    "Add up how long my {sport} activities {week} took. Answer with the minutes as a number.",
    "What is the total length of the {sport} activities in my log {week}? Answer with the minutes, "
    "just as a number.",
)


def draw_week(values: Values, world: World) -> tuple[date, int, str]:
    """Return the Monday of a week, how many weeks ago it was, and a name of the week."""
    monday = start_of_week(day_at(world.now))
    begun = world.now - start_of(monday) > ENOUGH_S
    ago = values.integer(0 if begun else 1, 2)
    monday = shift_days(monday, -7 * ago)
    span = f"from {monday.isoformat()} to {shift_days(monday, 6).isoformat()}"
    names = {0: "this week, from Monday on", 1: f"last week, {span}"}
    return monday, ago, names.get(ago, f"in the week {span}")


def _days_of_week(world: World, monday: date) -> list[int]:
    """Return how many days ago the days of a week were that are over."""
    today = day_at(world.now)
    return [away for away in range(1, 40) if start_of_week(shift_days(today, -away)) == monday]


def _add(
    values: Values, world: World, days_ago: Sequence[int], sport: str, count: int
) -> tuple[World, list[Activity]]:
    """Return the world with more activities of a sport on some of the days, and those."""
    added: list[Activity] = []
    for _ in range(count):
        world = world.insert(ACTIVITY, draw_activity(values, world, values.pick(days_ago), sport))
        added.append(world.rows(ACTIVITY)[world.last_id(ACTIVITY)])
    return world, added


def _clear(world: World, sport: str, days_ago: Sequence[int]) -> World:
    """Return the world without the activities of a sport on some days; of any for none named."""
    today = day_at(world.now)
    days = [shift_days(today, -away) for away in days_ago]
    gone = [
        one.id
        for one in world.rows(ACTIVITY).values()
        if sport in ("", one.category) and day_at(one.start) in days
    ]
    return world.delete(ACTIVITY, *gone)


def _show_week(hand: Hand, ago: int, sport: str) -> None:
    hand.open("places")
    hand.tap("Activities", "tab")
    hand.tap("Week", "chip")
    for _ in range(ago):
        hand.tap("Earlier")
    hand.tap(sport, "chip")


def _draft_week(
    values: Values, world: World, twin: bool, sentences: tuple[str, ...], what: str
) -> Draft:
    """Return a question about the activities of a sport in a week; twins have none of them."""
    monday, ago, week = draw_week(values, world)
    days, sport = _days_of_week(world, monday), values.pick(CATEGORIES)
    world = _clear(world, sport, days)
    world, found = _add(values, world, days, sport, values.integer(2, 4))
    # The same sport in another week, so that it can be chosen in any case.
    world = _add(values, world, (days[-1] + 7, days[-1] + 8), sport, 1)[0]
    least = values.chance(0.5)
    params: dict[str, Value] = {
        "sport": sport,
        "week": week,
        "which": "shortest" if least else "longest",
    }
    if twin:
        world = _clear(world, sport, days)
        return Draft(world, Goal(feasible=False), sentences, params, lambda hand: None)
    answers = {
        "count": len(found),
        "extreme": (min if least else max)(one.metres for one in found),
        "minutes": sum(one.minutes for one in found),
    }
    answer = str(answers[what])

    def script(hand: Hand) -> None:
        _show_week(hand, ago, sport)
        if what == "minutes":
            for one in found:
                hand.tap(one.name, "item")
                hand.press("back")
        hand.answer(answer)

    return Draft(world, Goal(answer=Answer((answer,), "number")), sentences, params, script)


def draw_count(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how often a sport was done in a week."""
    return _draft_week(values, world, twin, _COUNT, "count")


def draw_extreme(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how long the longest or shortest way of a sport in a week was."""
    return _draft_week(values, world, twin, _EXTREME, "extreme")


def draw_minutes(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how long a sport was done in a week."""
    return _draft_week(values, world, twin, _MINUTES, "minutes")


def _show_day(hand: Hand, ago: int) -> None:
    hand.open("places")
    hand.tap("Activities", "tab")
    hand.tap("Day", "chip")
    for _ in range(ago):
        hand.tap("Earlier")


def draw_on_day(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question which sports were done on a day; sometimes none was."""
    ago = values.integer(1, 5)
    day = name_day(values, shift_days(day_at(world.now), -ago), day_at(world.now))
    world = _clear(world, "", (ago,))
    sports = values.sample(CATEGORIES, values.integer(0, 3))
    for sport in sports:
        world = _add(values, world, (ago,), sport, 1)[0]

    def script(hand: Hand) -> None:
        _show_day(hand, ago)
        hand.answer(", ".join(sports) or "none")

    goal = Goal(answer=Answer(tuple(sports)))
    return Draft(world, goal, _ON_DAY, {"day": day}, script)


def draw_duration(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how long an activity of a day was; in the twin there was none such."""
    ago, sport = values.integer(1, 5), values.pick(CATEGORIES)
    day = name_day(values, shift_days(day_at(world.now), -ago), day_at(world.now))
    world = _clear(world, sport, (ago,))
    params: dict[str, Value] = {"day": day, "sport": sport}
    other = values.pick([name for name in CATEGORIES if name != sport])
    world = _add(values, world, (ago,), other, 1)[0]
    if twin:
        return Draft(world, Goal(feasible=False), _DURATION, params, lambda hand: None)
    world, (found,) = _add(values, world, (ago,), sport, 1)

    def script(hand: Hand) -> None:
        _show_day(hand, ago)
        hand.tap(found.name, "item")
        hand.answer(str(found.minutes))

    goal = Goal(answer=Answer((str(found.minutes),), "number"))
    return Draft(world, goal, _DURATION, params, script)


def draw_distance(values: Values, world: World, twin: bool) -> Draft:
    """Draw the question how far a sport went in some days; those beside them do not count."""
    today, sport = day_at(world.now), values.pick(CATEGORIES)
    latest = values.integer(1, 6)
    earliest = latest + values.integer(4, 10)
    days = range(latest, earliest + 1)
    world = _add(values, world, days, sport, values.integer(2, 3))[0]
    # Just before the first day and, where there is one, just after the last.
    beside = (earliest + 1, latest - 1) if latest > 1 else (earliest + 1,)
    for ago in beside:
        world = _add(values, world, (ago,), sport, 1)[0]
    first, last = shift_days(today, -earliest), shift_days(today, -latest)
    params: dict[str, Value] = {
        "sport": sport,
        "first": first.isoformat(),
        "last": last.isoformat(),
    }
    total = sum(
        one.metres
        for one in world.rows(ACTIVITY).values()
        if one.category == sport and first <= day_at(one.start) <= last
    )

    def script(hand: Hand) -> None:
        hand.open("places")
        hand.tap("Activities", "tab")
        hand.tap(sport, "chip")
        hand.answer(str(total))

    goal = Goal(answer=Answer((str(total),), "number"))
    return Draft(world, goal, _DISTANCE, params, script)


QUERY_VARIANTS = (
    Variant("count", draw_count, ("SportsTrackerActivitiesCountForWeek",), False, 2),
    Variant("on_day", draw_on_day, ("SportsTrackerActivitiesOnDate",), False, 2),
    Variant("duration", draw_duration, ("SportsTrackerActivityDuration",), True, 2),
    Variant("extreme", draw_extreme, ("SportsTrackerLongestDistanceActivity",), True, 2),
    Variant(
        "distance",
        draw_distance,
        ("SportsTrackerTotalDistanceForCategoryOverInterval",),
        False,
        1,
    ),
    Variant("minutes", draw_minutes, ("SportsTrackerTotalDurationForCategoryThisWeek",), False, 3),
)
