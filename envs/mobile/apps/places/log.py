"""The log of activities, by day, by week and by sport."""

from datetime import date

from gym_reason.envs.mobile.apps.places.tables import ACTIVITY, PLACES, Activity, show_tabs
from gym_reason.envs.mobile.dates import (
    day_at,
    read_day,
    shift_days,
    write_day,
    write_time,
)
from gym_reason.envs.mobile.device_events import go, put
from gym_reason.envs.mobile.forms import show_chips
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Event,
    Page,
    Widget,
    button,
    heading,
    item,
    row,
    text,
)
from gym_reason.verifiers.state.world import World

CATEGORIES = ("running", "cycling", "walking", "swimming", "hiking", "rowing", "skating")
"""The sports that there are."""
SPANS = (("all", "All"), ("day", "Day"), ("week", "Week"))
"""How the log can be narrowed, with the labels."""


def start_of_week(day: date) -> date:
    """Return the Monday of a day's week."""
    return shift_days(day, -day.weekday())


def in_span(day: date, span: str, shown: date) -> bool:
    """Return whether a day is the one shown, or in its week, as the span says."""
    if span == "all":
        return True
    return day == shown if span == "day" else start_of_week(day) == start_of_week(shown)


@PLACES.page("activities")
def show_log(world: World, route: Route, look: Look) -> Page:
    """Return the activities of a day or a week or all of them, the newest first."""
    span, sport = route.get("span", "all"), route.get("sport")
    shown = read_day(route.get("day")) or day_at(world.now)
    found = [
        one
        for one in world.rows(ACTIVITY).values()
        if in_span(day_at(one.start), span, shown) and sport in ("", one.category)
    ]
    found.sort(key=lambda one: (-one.start, -one.id))
    present = {one.category for one in world.rows(ACTIVITY).values()}
    sports = (("", "All sports"), *((name, name) for name in CATEGORIES if name in present))
    lines: list[Widget] = [
        *show_chips(SPANS, span, look, lambda name: put("span", name), columns=len(SPANS)),
        *show_chips(sports, sport, look, lambda name: put("sport", name)),
    ]
    if span != "all":
        days = 1 if span == "day" else 7
        lines += [
            heading(_title(span, shown, look)),
            row(
                button(look.say("Earlier"), Event("places.shift", None, -days)),
                button(look.say("Later"), Event("places.shift", None, days)),
            ),
        ]
    lines += [_line(one) for one in found] or [text(look.say("No activities"))]
    return Page(look.say("Activities"), tuple(lines), root=True, tabs=show_tabs("activities", look))


def _title(span: str, shown: date, look: Look) -> str:
    if span == "day":
        return write_day(shown, look)
    monday = start_of_week(shown)
    return f"{monday.isoformat()} - {shift_days(monday, 6).isoformat()}"


def _line(one: Activity) -> Widget:
    detail = f"{one.category} · {day_at(one.start).isoformat()} · {one.metres:,} m"
    return item(one.name, detail, go("activity", one.id), picture="run")


@PLACES.page("activity")
def show_activity(world: World, route: Route, look: Look) -> Page:
    """Return all that is known of an activity."""
    one = world.find(ACTIVITY, route.key)
    if one is None:
        return Page("", (text(look.say("This activity is gone")),))
    facts = (
        ("Sport", one.category),
        ("Day", write_day(day_at(one.start), look)),
        ("Started at", write_time(one.start)),
        ("Minutes", str(one.minutes)),
        ("Metres", f"{one.metres:,}"),
        ("Climb in metres", str(one.climb)),
    )
    return Page(one.name, tuple(item(look.say(label), value) for label, value in facts))


@PLACES.on("shift")
def shift(phone: Phone, event: Event) -> Phone:
    """Show an earlier or a later day or week."""
    shown = read_day(phone.route.get("day")) or day_at(phone.world.now)
    days = event.value if isinstance(event.value, int) else 0
    return phone.turn(phone.route.put(day=shift_days(shown, days).isoformat()))
