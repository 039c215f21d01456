"""The timer, which ends by itself, and the stopwatch, which counts the world's clock."""

from gym_reason.envs.mobile.apps.clock import (
    CLOCK,
    LAP,
    STOPWATCH,
    TIMER,
    Lap,
    Stopwatch,
    Timer,
    show_tabs,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.system.tables import DUE, Due, notify
from gym_reason.envs.mobile.widgets import Event, Page, Widget, button, heading, item, row, text
from gym_reason.verifiers.state.world import World

__all__ = ["CLOCK"]

NO_DIGITS = "000000"
"""What the timer's pad shows at first: two digits each of hours, minutes and seconds."""
PAD = (("1", "2", "3"), ("4", "5", "6"), ("7", "8", "9"), ("00", "0"))
"""The keys, line by line; the last line ends with the one that erases."""
IDLE_TIMER = Timer("timer", "idle", 0, 0, 0)
IDLE_STOPWATCH = Stopwatch("stopwatch", "idle", 0, 0)


def read_timer(world: World) -> Timer:
    """Return the timer, which is idle where nothing is known of it."""
    return world.find(TIMER, "timer") or IDLE_TIMER


def read_stopwatch(world: World) -> Stopwatch:
    """Return the stopwatch, which is idle where nothing is known of it."""
    return world.find(STOPWATCH, "stopwatch") or IDLE_STOPWATCH


def write_timer(world: World, timer: Timer) -> World:
    """Return the world with another timer, and what is due when it ends."""
    waiting = [row.id for row in world.rows(DUE).values() if row.event == "clock.ring"]
    world = world.delete(DUE, *waiting)
    if timer.state == "running":
        world = world.insert(DUE, Due(0, timer.ends, "clock.ring", "timer", ""))
    if world.find(TIMER, "timer") is None:
        return world.insert(TIMER, timer)
    state, length, left, ends = timer[1:]
    return world.update(TIMER, "timer", state=state, length=length, left=left, ends=ends)


def run_timer(world: World, length: int, left: int) -> World:
    """Return the world in which the timer runs, with so many seconds left."""
    return write_timer(world, Timer("timer", "running", length, left, world.now + left))


def write_stopwatch(world: World, stopwatch: Stopwatch) -> World:
    """Return the world with another stopwatch."""
    if world.find(STOPWATCH, "stopwatch") is None:
        return world.insert(STOPWATCH, stopwatch)
    state, elapsed, since = stopwatch[1:]
    return world.update(STOPWATCH, "stopwatch", state=state, elapsed=elapsed, since=since)


def write_length(seconds: int) -> str:
    """Return a length as it is shown: `01:02:30`."""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def read_digits(digits: str) -> int:
    """Return the seconds of six digits of the pad; 90 seconds may be `000130` or `000090`."""
    return int(digits[:2]) * 3600 + int(digits[2:4]) * 60 + int(digits[4:])


@CLOCK.page("timer")
def show_timer(world: World, route: Route, look: Look) -> Page:
    """Return the pad, or the timer that was started."""
    timer = read_timer(world)
    body: tuple[Widget, ...]
    if timer.state == "idle":
        digits = route.get("digits", NO_DIGITS)
        keys = [[button(key, Event("clock.digit", key)) for key in line] for line in PAD]
        keys[-1].append(button(look.say("Erase"), Event("clock.digit", "")))
        body = (
            heading(f"{digits[:2]}h {digits[2:4]}m {digits[4:]}s"),
            *(row(*line) for line in keys),
            button(look.say("Start"), Event("clock.start_timer"), digits != NO_DIGITS),
        )
    else:
        left = timer.ends - world.now if timer.state == "running" else timer.left
        body = (
            heading(write_length(max(0, left))),
            text(f"{look.say('Set to')} {write_length(timer.length)}"),
            row(*_show_controls(timer.state, "timer", look)),
        )
    return Page(look.say("Timer"), body, root=True, tabs=show_tabs("timer", look))


def _show_controls(state: str, what: str, look: Look) -> tuple[Widget, ...]:
    reset = button(look.say("Reset"), Event(f"clock.reset_{what}"))
    if state == "running":
        return (button(look.say("Pause"), Event(f"clock.pause_{what}")), reset)
    return (button(look.say("Resume"), Event(f"clock.resume_{what}")), reset)


@CLOCK.on("digit")
def press_digit(phone: Phone, event: Event) -> Phone:
    """Push digits in from the right, or the last one out."""
    digits, key = phone.route.get("digits", NO_DIGITS), str(event.key)
    digits = (digits + key)[-6:] if key else f"0{digits[:-1]}"
    return phone.turn(phone.route.put(digits=digits))


@CLOCK.on("start_timer")
def start_timer(phone: Phone, event: Event) -> Phone:
    """Start the timer with what was entered."""
    length = read_digits(phone.route.get("digits", NO_DIGITS))
    if length == 0:
        return phone.say("A length is needed")
    world = run_timer(phone.world, length, length)
    return phone.write(world).turn(phone.route.put(digits=NO_DIGITS))


@CLOCK.on("pause_timer")
def pause_timer(phone: Phone, event: Event) -> Phone:
    """Stop the timer where it is."""
    timer = read_timer(phone.world)
    if timer.state != "running":
        return phone
    left = max(0, timer.ends - phone.world.now)
    return phone.write(write_timer(phone.world, timer._replace(state="paused", left=left, ends=0)))


@CLOCK.on("resume_timer")
def resume_timer(phone: Phone, event: Event) -> Phone:
    """Let the timer go on."""
    timer = read_timer(phone.world)
    if timer.state != "paused":
        return phone
    return phone.write(run_timer(phone.world, timer.length, timer.left))


@CLOCK.on("reset_timer")
def reset_timer(phone: Phone, event: Event) -> Phone:
    """Give the timer up."""
    return phone.write(write_timer(phone.world, IDLE_TIMER))


@CLOCK.on("ring")
def ring(phone: Phone, event: Event) -> Phone:
    """End the timer, and say so in a notification."""
    length = read_timer(phone.world).length
    world = write_timer(phone.world, IDLE_TIMER)
    return phone.write(notify(world, "clock", "Timer", write_length(length), "timer"))


@CLOCK.page("stopwatch")
def show_stopwatch(world: World, route: Route, look: Look) -> Page:
    """Return the stopwatch with its laps, the last one first."""
    stopwatch = read_stopwatch(world)
    controls: tuple[Widget, ...] = (button(look.say("Start"), Event("clock.start_stopwatch")),)
    if stopwatch.state != "idle":
        controls = _show_controls(stopwatch.state, "stopwatch", look)
    if stopwatch.state == "running":
        controls += (button(look.say("Lap"), Event("clock.lap")),)
    laps = sorted(world.rows(LAP).values())
    lines = [
        item(f"{look.say('Lap')} {number}", write_length(lap.elapsed))
        for number, lap in enumerate(laps, 1)
    ]
    elapsed = heading(write_length(count_elapsed(world)))
    return Page(
        look.say("Stopwatch"),
        (elapsed, row(*controls), *lines[::-1]),
        root=True,
        tabs=show_tabs("stopwatch", look),
    )


def count_elapsed(world: World) -> int:
    """Return the seconds that the stopwatch shows."""
    stopwatch = read_stopwatch(world)
    running = world.now - stopwatch.since if stopwatch.state == "running" else 0
    return stopwatch.elapsed + running


@CLOCK.on("start_stopwatch")
def start_stopwatch(phone: Phone, event: Event) -> Phone:
    """Start the stopwatch from zero."""
    world = write_stopwatch(phone.world, Stopwatch("stopwatch", "running", 0, phone.world.now))
    return phone.write(world)


@CLOCK.on("resume_stopwatch")
def resume_stopwatch(phone: Phone, event: Event) -> Phone:
    """Let the stopwatch go on."""
    stopwatch = read_stopwatch(phone.world)
    if stopwatch.state != "paused":
        return phone
    going = stopwatch._replace(state="running", since=phone.world.now)
    return phone.write(write_stopwatch(phone.world, going))


@CLOCK.on("pause_stopwatch")
def pause_stopwatch(phone: Phone, event: Event) -> Phone:
    """Stop the stopwatch where it is."""
    if read_stopwatch(phone.world).state != "running":
        return phone
    stopped = Stopwatch("stopwatch", "paused", count_elapsed(phone.world), 0)
    return phone.write(write_stopwatch(phone.world, stopped))


@CLOCK.on("reset_stopwatch")
def reset_stopwatch(phone: Phone, event: Event) -> Phone:
    """Put the stopwatch back to zero, without laps."""
    world = write_stopwatch(phone.world, IDLE_STOPWATCH)
    return phone.write(world.delete(LAP, *world.rows(LAP)))


@CLOCK.on("lap")
def keep_lap(phone: Phone, event: Event) -> Phone:
    """Keep the time that the stopwatch shows."""
    if read_stopwatch(phone.world).state != "running":
        return phone
    return phone.write(phone.world.insert(LAP, Lap(0, count_elapsed(phone.world))))
