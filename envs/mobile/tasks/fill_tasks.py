"""The tasks that a list of things to do has anyway."""

from gym_reason.envs.mobile.apps.tasks import PRIORITIES, TODO, Todo
from gym_reason.envs.mobile.dates import day_at, shift_days
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World


def draw_todo(values: Values, due: str, priority: str | None = None, completed: str = "") -> Todo:
    """Return a task that is due on a day, done where a day is given on which it was ticked."""
    word = values.word
    title = values.new(lambda: f"{word('verb')} {word('adjective')} {word('noun')}".capitalize())
    notes = values.sentence() if values.chance(0.5) else ""
    if priority is None:
        priority = values.pick([name for name, _ in PRIORITIES])
    return Todo(0, title, notes, due, priority, bool(completed), completed)


def fill_tasks(world: World, values: Values) -> World:
    """Return the world with tasks that are late, that come, that have no day, and that are done."""
    today = day_at(world.now)
    for away in values.sample(range(-6, 20), values.integer(5, 7)):
        world = world.insert(TODO, draw_todo(values, shift_days(today, away).isoformat()))
    world = world.insert(TODO, draw_todo(values, ""))
    for away in values.sample(range(-9, 0), values.integer(2, 3)):
        due = shift_days(today, away + values.integer(-2, 4)).isoformat()
        completed = shift_days(today, away).isoformat()
        world = world.insert(TODO, draw_todo(values, due, None, completed))
    return world
