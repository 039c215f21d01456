"""Tasks with alarms."""

from gym_reason.envs.mobile.apps.clock import ALARM, DAYS, Alarm, write_alarm_time
from gym_reason.envs.mobile.tasks.fill_clock import ALARM_MINUTES, draw_days
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Deleted, Goal, Inserted, Updated, Want, Wants
from gym_reason.verifiers.state.world import World

TABLE = "clock.alarm"
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
"""The days of the week, in the order of DAYS."""


def _draw_time(values: Values, world: World) -> tuple[int, int]:
    """Return an hour and a minute at which no alarm rings yet."""
    taken = {60 * alarm.hour + alarm.minute for alarm in world.rows(ALARM).values()}
    free = [minutes for minutes in ALARM_MINUTES if minutes not in taken]
    return divmod(values.pick(free), 60)


def _pick_alarm(values: Values, world: World) -> Alarm:
    return values.pick(tuple(world.rows(ALARM).values()))


def _enter_time(hand: Hand, hour: int, minute: int) -> None:
    hand.type("Hour", str(hour))
    hand.type("Minute", f"{minute:02d}")


def _at(hour: int, minute: int) -> Wants:
    return {"hour": Want(hour), "minute": Want(minute), "on": Want(True)}


def _draw_once(values: Values, world: World, twin: bool) -> Draft:
    hour, minute = _draw_time(values, world)
    sentences = (
        "Set an alarm for {time}.",
        "Add an alarm that rings once at {time}.",
        "Please make a new alarm at {time}, without repeating it.",
    )

    def script(hand: Hand) -> None:
        hand.open("clock")
        hand.tap("New alarm", "fab")
        _enter_time(hand, hour, minute)
        hand.tap("Save", "icon")

    goal = Goal((Inserted(TABLE, {**_at(hour, minute), "days": Want("")}),))
    return Draft(world, goal, sentences, {"time": f"{hour:02d}:{minute:02d}"}, script)


def _draw_weekly(values: Values, world: World, twin: bool) -> Draft:
    (hour, minute), days, label = _draw_time(values, world), draw_days(values), values.title()
    chosen = days.split(",")
    sentences = (
        'Set an alarm for {time} on every {days}, with the label "{label}".',
        'Add an alarm called "{label}". It rings at {time} each {days}.',
        'I need an alarm at {time} that comes back every {days}. Label it "{label}".',
    )

    def script(hand: Hand) -> None:
        hand.open("clock")
        hand.tap("New alarm", "fab")
        _enter_time(hand, hour, minute)
        hand.type("Label", label)
        hand.press("back")
        for day in chosen:
            hand.tap(day.capitalize(), "chip")
        hand.tap("Save", "icon")

    wants = {**_at(hour, minute), "days": Want(days), "label": Want(label, "title")}
    names = [DAY_NAMES[DAYS.index(day)] for day in chosen]
    listed = " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)
    params = {"time": f"{hour:02d}:{minute:02d}", "days": listed, "label": label}
    return Draft(world, Goal((Inserted(TABLE, wants),)), sentences, params, script)


def _draw_toggle(values: Values, world: World, twin: bool) -> Draft:
    alarm, on = _pick_alarm(values, world), values.chance(0.5)
    sentences = (
        'Turn the alarm "{label}" {state}.',
        'Switch the alarm with the label "{label}" {state}.',
        'My alarm "{label}" should be {state}.',
    )
    params = {"label": alarm.label, "state": "on" if on else "off"}
    if twin:
        return make_twin(world, sentences, {**params, "label": values.title()})
    world = world.update(ALARM, alarm.id, on=not on)

    def script(hand: Hand) -> None:
        hand.open("clock")
        hand.tap(write_alarm_time(alarm), "switch")

    goal = Goal((Updated(TABLE, alarm.id, {"on": Want(on)}),))
    return Draft(world, goal, sentences, params, script)


def _draw_move(values: Values, world: World, twin: bool) -> Draft:
    alarm, (hour, minute) = _pick_alarm(values, world), _draw_time(values, world)
    sentences = (
        'Move the alarm "{label}" to {time}.',
        'Change the time of the alarm with the label "{label}" to {time}.',
        'The alarm "{label}" has to ring at {time}. Please change it.',
    )
    params = {"label": alarm.label, "time": f"{hour:02d}:{minute:02d}"}
    if twin:
        return make_twin(world, sentences, {**params, "label": values.title()})
    # An alarm that is saved is on: one that was off would change in that too.
    world = world.update(ALARM, alarm.id, on=True)

    def script(hand: Hand) -> None:
        hand.open("clock")
        hand.hold(write_alarm_time(alarm), "switch")
        hand.tap("Edit", "item")
        _enter_time(hand, hour, minute)
        hand.tap("Save", "icon")

    goal = Goal((Updated(TABLE, alarm.id, _at(hour, minute)),))
    return Draft(world, goal, sentences, params, script)


def _draw_delete(values: Values, world: World, twin: bool) -> Draft:
    alarm = _pick_alarm(values, world)
    sentences = (
        'Delete the alarm "{label}".',
        'Remove the alarm with the label "{label}" for good.',
        'I do not need the alarm "{label}" any more. Delete it.',
    )
    if twin:
        return make_twin(world, sentences, {"label": values.title()})

    def script(hand: Hand) -> None:
        hand.open("clock")
        hand.hold(write_alarm_time(alarm), "switch")
        hand.tap("Delete", "item")

    goal = Goal((Deleted(TABLE, (alarm.id,)),))
    return Draft(world, goal, sentences, {"label": alarm.label}, script)


ALARM_TEMPLATES: tuple[Template, ...] = (
    Template(
        "clock.alarm",
        ("clock",),
        (
            Variant("once", _draw_once),
            Variant("weekly", _draw_weekly, level=2),
            Variant("toggle", _draw_toggle, has_twin=True),
            Variant("move", _draw_move, has_twin=True, level=2),
            Variant("delete", _draw_delete, has_twin=True),
        ),
    ),
)
