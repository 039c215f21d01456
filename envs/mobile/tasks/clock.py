"""Tasks with the clock: timer, stopwatch and alarms."""

from gym_reason.envs.mobile.apps.clock import LAP, Lap, Stopwatch, Timer
from gym_reason.envs.mobile.apps.clock_timers import run_timer, write_stopwatch, write_timer
from gym_reason.envs.mobile.system.tables import DUE
from gym_reason.envs.mobile.tasks.clock_alarms import ALARM_TEMPLATES
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import (
    Allowed,
    Deleted,
    Expectation,
    Goal,
    Holds,
    Inserted,
    Shown,
    Want,
)
from gym_reason.verifiers.state.world import Value, World

RINGS = Inserted("system.due", {"event": Want("clock.ring")})
"""What is due at the end of a timer that runs."""
TIMER_MOVES = Allowed("clock.timer", ("state", "left", "ends"))
"""What pausing a timer and letting it go on changes: its length stays."""
STOPWATCH_MOVES = Allowed("clock.stopwatch", ("state", "elapsed", "since"))
"""What starting and pausing the stopwatch changes."""


def _timer_is(**wants: Value) -> Holds:
    return Holds("clock.timer", "timer", {name: Want(value) for name, value in wants.items()})


def _stopwatch_is(state: str) -> Holds:
    return Holds("clock.stopwatch", "stopwatch", {"state": Want(state)})


def _draw_length(values: Values) -> tuple[str, dict[str, Value]]:
    """Return six digits of a length of ten minutes or more, and its parts."""
    hours, minutes, seconds = values.integer(0, 9), values.integer(10, 59), values.integer(0, 59)
    parts: dict[str, Value] = {"hours": hours, "minutes": minutes, "seconds": seconds}
    return f"{hours:02d}{minutes:02d}{seconds:02d}", parts


def _open_tab(hand: Hand, tab: str) -> None:
    hand.open("clock")
    hand.tap(tab, "tab")


def _enter(hand: Hand, digits: str) -> None:
    _open_tab(hand, "Timer")
    for digit in digits.lstrip("0"):
        hand.tap(digit, "button")


def _draw_entry(values: Values, world: World, twin: bool) -> Draft:
    digits, params = _draw_length(values)
    sentences = (
        "Enter a timer of {hours} hours, {minutes} minutes and {seconds} seconds, but do not start "
        "it.",
        "Prepare the timer of the clock for {hours} h {minutes} min {seconds} s. Leave it waiting.",
        "In the clock, type {hours} hours, {minutes} minutes, {seconds} seconds into the timer. I "
        "will start it myself.",
    )
    goal = Goal((Shown("clock", "timer", None, {"digits": Want(digits)}),))
    return Draft(world, goal, sentences, params, lambda hand: _enter(hand, digits))


def _draw_start(values: Values, world: World, twin: bool) -> Draft:
    digits, params = _draw_length(values)
    length = int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])
    sentences = (
        "Start a timer of {hours} hours, {minutes} minutes and {seconds} seconds.",
        "Set the timer to {hours} h {minutes} min {seconds} s and let it run.",
        "Please wake me in {hours} hours, {minutes} minutes and {seconds} seconds: use the timer.",
    )

    def script(hand: Hand) -> None:
        _enter(hand, digits)
        hand.tap("Start", "button")

    allowed = (Allowed("clock.timer", ("state", "length", "left", "ends")),)
    goal = Goal((_timer_is(state="running", length=length), RINGS), allowed)
    return Draft(world, goal, sentences, params, script)


def _draw_hold(values: Values, world: World, twin: bool) -> Draft:
    """Draw the pausing of a timer that runs, or the going on of one that is paused."""
    pause = values.chance(0.5)
    sentences = (
        "Pause the timer that is running.",
        "Stop the running timer for now, without losing what is left of it.",
        "Hold the timer of the clock where it is.",
    )
    if not pause:
        sentences = (
            "Let the paused timer go on.",
            "Resume the timer that was paused.",
            "The timer of the clock is on hold. Have it run again.",
        )
    if twin:
        return make_twin(world, sentences, {})
    left = values.integer(100, 500) * 60
    length = left + values.integer(10, 500)
    wanted: tuple[Expectation, ...] = (_timer_is(state="running", length=length), RINGS)
    world = write_timer(world, Timer("timer", "paused", length, left, 0))
    if pause:
        world = run_timer(world, length, left)
        due = Deleted("system.due", (world.last_id(DUE),))
        wanted = (_timer_is(state="paused", length=length), due)

    def script(hand: Hand) -> None:
        _open_tab(hand, "Timer")
        hand.tap("Pause" if pause else "Resume", "button")

    return Draft(world, Goal(wanted, (TIMER_MOVES,)), sentences, {}, script)


def _draw_running(values: Values, world: World, twin: bool) -> Draft:
    """Draw the starting of the stopwatch, or its pausing."""
    run = values.chance(0.5)
    elapsed = values.integer(5, 900) if values.chance(0.5) else 0
    state = ("paused" if elapsed else "idle") if run else "running"
    since = world.now - values.integer(5, 90) if state == "running" else 0
    world = write_stopwatch(world, Stopwatch("stopwatch", state, elapsed, since))
    sentences = (
        "Have the stopwatch run.",
        "Start the stopwatch of the clock, and leave it running.",
        "Please let the stopwatch count.",
    )
    if not run:
        sentences = (
            "Pause the stopwatch.",
            "The stopwatch is running. Stop it, but do not reset it.",
            "Please hold the stopwatch where it is.",
        )

    def script(hand: Hand) -> None:
        _open_tab(hand, "Stopwatch")
        hand.tap({"idle": "Start", "paused": "Resume", "running": "Pause"}[state], "button")

    goal = Goal((_stopwatch_is("running" if run else "paused"),), (STOPWATCH_MOVES,))
    return Draft(world, goal, sentences, {}, script)


def _draw_stopped(values: Values, world: World, twin: bool) -> Draft:
    """Draw the check that the stopwatch rests, which it may do already."""
    state = values.pick(("idle", "paused", "running", "running"))
    elapsed = 0 if state == "idle" else values.integer(5, 900)
    since = world.now - values.integer(5, 90) if state == "running" else 0
    world = write_stopwatch(world, Stopwatch("stopwatch", state, elapsed, since))
    sentences = (
        "Make sure that the stopwatch is not running. Pause it if it is, and leave its page open.",
        "Look at the stopwatch and pause it, unless it stands still already. Stay on its page.",
        "The stopwatch must not count. Check that, pause it only if needed, and keep it in view.",
    )

    def script(hand: Hand) -> None:
        _open_tab(hand, "Stopwatch")
        if state == "running":
            hand.tap("Pause", "button")

    allowed = (STOPWATCH_MOVES,) if state == "running" else ()
    ending = "paused" if state == "running" else state
    goal = Goal((_stopwatch_is(ending), Shown("clock", "stopwatch")), allowed)
    return Draft(world, goal, sentences, {}, script)


def _draw_laps(values: Values, world: World, twin: bool) -> Draft:
    count, pause = values.integer(1, 3), values.chance(0.5)
    sentences = (
        "Start the stopwatch, keep {laps} laps, and {end}.",
        "Take {laps} laps with the stopwatch from zero. Then {end}.",
        "Use the stopwatch: start it, press lap until there are {laps}, and {end}.",
    )

    def script(hand: Hand) -> None:
        _open_tab(hand, "Stopwatch")
        hand.tap("Start", "button")
        for _ in range(count):
            hand.tap("Lap", "button")
        if pause:
            hand.tap("Pause", "button")

    wanted = (
        _stopwatch_is("paused" if pause else "running"),
        Inserted("clock.lap", {}, count),
    )
    params: dict[str, Value] = {"laps": count, "end": "pause it" if pause else "let it run on"}
    return Draft(world, Goal(wanted, (STOPWATCH_MOVES,)), sentences, params, script)


def _draw_reset(values: Values, world: World, twin: bool) -> Draft:
    elapsed, running = values.integer(100, 900), values.chance(0.5)
    state, since = ("running", world.now) if running else ("paused", 0)
    world = write_stopwatch(world, Stopwatch("stopwatch", state, elapsed, since))
    laps = []
    for number in range(values.integer(0, 3)):
        world = world.insert(LAP, Lap(0, 20 + 25 * number))
        laps.append(world.last_id(LAP))
    sentences = (
        "Reset the stopwatch.",
        "Put the stopwatch back to zero.",
        "Please clear the stopwatch, so that it stands at zero and rests.",
    )

    def script(hand: Hand) -> None:
        _open_tab(hand, "Stopwatch")
        hand.tap("Reset", "button")

    wanted = (_stopwatch_is("idle"), Deleted("clock.lap", tuple(laps)))
    return Draft(world, Goal(wanted, (STOPWATCH_MOVES,)), sentences, {}, script)


CLOCK_TEMPLATES: tuple[Template, ...] = (
    Template(
        "clock.timer",
        ("clock",),
        (
            Variant("entry", _draw_entry, ("ClockTimerEntry",), level=2),
            Variant("start", _draw_start, level=2),
            Variant("hold", _draw_hold, has_twin=True),
        ),
    ),
    Template(
        "clock.stopwatch",
        ("clock",),
        (
            Variant("run_or_pause", _draw_running, ("ClockStopWatchRunning",)),
            Variant("at_rest", _draw_stopped, ("ClockStopWatchPausedVerify",)),
            Variant("laps", _draw_laps, level=2),
            Variant("reset", _draw_reset),
        ),
    ),
    *ALARM_TEMPLATES,
)
