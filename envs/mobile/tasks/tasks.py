"""Tasks of the list of things to do: questions about it, additions, and boxes to tick."""

from datetime import date

from gym_reason.envs.mobile.apps.tasks import PRIORITIES, TODO, Todo
from gym_reason.envs.mobile.dates import day_at, shift_days
from gym_reason.envs.mobile.tasks.calendar_steps import want_row
from gym_reason.envs.mobile.tasks.days import draw_day, draw_missing_date, name_by_date
from gym_reason.envs.mobile.tasks.fill_tasks import draw_todo
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.task_queries import TASK_QUERY_VARIANTS
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal, Inserted, Updated, Want, Wants
from gym_reason.verifiers.state.world import Value, World

_ADD = (
    'Add "{title}" to my tasks: due {day}, priority {priority}, with the details "{notes}"',
    'Make a new task called "{title}" with the priority {priority}. It is due {day}, and its '
    'details are "{notes}"',
    'Remind me to do this in Tasks: "{title}". It is due {day} and of {priority} priority. Write '
    '"{notes}" as its details.',
)
_TICK = (
    'I have done this: "{title}". Tick it in Tasks.',
    'Mark the task "{title}" as done.',
    'Check the box of "{title}" in my list of tasks.',
)
_UNTICK = (
    'I ticked "{title}" in Tasks by mistake. Take the tick away.',
    'The task "{title}" is not done after all. Make it open again.',
    'Uncheck the box of "{title}" in my list of tasks.',
)
_TICK_DUE = (
    "I have done everything that is due {day}. Tick all tasks of that day.",
    "Mark every task that is due {day} as done.",
    "In Tasks, check the box of each open task due {day}.",
)


def _enter(hand: Hand, todo: Todo) -> None:
    hand.open("tasks")
    hand.tap("Add")
    hand.type("Title", todo.title)
    if todo.notes:
        hand.type("Details", todo.notes)
    hand.type("Due date", todo.due)
    hand.press("back")
    hand.tap(dict(PRIORITIES)[todo.priority], "chip")
    hand.tap("Save")


def draw_addition(values: Values, world: World, twin: bool) -> Draft:
    """Draw a task to add; in the twin the day on which it is due is none."""
    day, name = draw_day(values, world, 0, 30)
    if twin:
        name = f"on {draw_missing_date(values, world)}"
    todo = draw_todo(values, day.isoformat(), values.pick(("low", "medium", "high")))
    todo = todo._replace(notes=values.sentence())
    params: dict[str, Value] = {
        "title": todo.title,
        "day": name,
        "priority": todo.priority,
        "notes": todo.notes,
    }
    if twin:
        return make_twin(world, _ADD, params)
    goal = Goal((Inserted(TODO.name, want_row(todo, TODO.fields)),))
    return Draft(world, goal, _ADD, params, lambda hand: _enter(hand, todo))


def want_tick(today: date) -> Wants:
    """Return what a task holds that was ticked today."""
    return {"done": Want(True), "completed": Want(today.isoformat())}


def draw_tick(values: Values, world: World, twin: bool) -> Draft:
    """Draw a task to tick, or one whose tick goes; in the twin there is none of its title."""
    today = day_at(world.now)
    untick = values.chance(0.4)
    due = shift_days(today, values.integer(-3, 6)).isoformat()
    completed = shift_days(today, -values.integer(0, 3)).isoformat() if untick else ""
    todo = draw_todo(values, due, None, completed)
    sentences = _UNTICK if untick else _TICK
    params: dict[str, Value] = {"title": todo.title}
    if twin:
        return make_twin(world, sentences, params)
    world = world.insert(TODO, todo)
    key = world.last_id(TODO)
    wants = {"done": Want(False), "completed": Want("")} if untick else want_tick(today)

    def script(hand: Hand) -> None:
        hand.open("tasks")
        if untick:
            hand.tap("Done", "chip")
        hand.tap(todo.title, "check")

    return Draft(world, Goal((Updated(TODO.name, key, wants),)), sentences, params, script)


def draw_ticks(values: Values, world: World, twin: bool) -> Draft:
    """Draw a day of which every open task is to be ticked."""
    today = day_at(world.now)
    day, name = draw_day(values, world, -4, 12)
    for _ in range(values.integer(2, 3)):
        world = world.insert(TODO, draw_todo(values, day.isoformat()))
    todos = [
        todo for todo in world.rows(TODO).values() if todo.due == day.isoformat() and not todo.done
    ]
    goal = Goal(tuple(Updated(TODO.name, todo.id, want_tick(today)) for todo in todos))

    def script(hand: Hand) -> None:
        hand.open("tasks")
        for todo in todos:
            hand.tap(todo.title, "check")

    return Draft(world, goal, _TICK_DUE, {"day": name}, script)


_POSTPONE = (
    'I will not manage "{title}" in time. Make it due {day} instead.',
    'Move the due date of the task "{title}": it should be due {day}.',
    'The task "{title}" has until later. In Tasks, let it be due {day}.',
)


def draw_postponement(values: Values, world: World, twin: bool) -> Draft:
    """Draw a task that is to be due on another day; in the twin there is no such day."""
    today = day_at(world.now)
    todo = draw_todo(values, shift_days(today, values.integer(-2, 2)).isoformat())
    day = shift_days(today, values.integer(5, 40))
    world = world.insert(TODO, todo)
    key = world.last_id(TODO)
    name = f"on {draw_missing_date(values, world)}" if twin else name_by_date(day)
    params: dict[str, Value] = {"title": todo.title, "day": name}
    if twin:
        return make_twin(world, _POSTPONE, params)

    def script(hand: Hand) -> None:
        hand.open("tasks")
        hand.tap(todo.title, "item")
        hand.tap("Edit")
        hand.type("Due date", day.isoformat())
        hand.tap("Save")

    goal = Goal((Updated(TODO.name, key, {"due": Want(day.isoformat())}),))
    return Draft(world, goal, _POSTPONE, params, script)


TASKS_TEMPLATES: tuple[Template, ...] = (
    Template("tasks.query", ("tasks",), TASK_QUERY_VARIANTS),
    Template(
        "tasks.add_or_complete",
        ("tasks",),
        (
            Variant("add", draw_addition, has_twin=True, level=2),
            Variant("tick", draw_tick, has_twin=True),
            Variant("tick_due", draw_ticks),
            Variant("postpone", draw_postponement, has_twin=True, level=2),
        ),
    ),
)
"""The templates of the list of things to do."""
