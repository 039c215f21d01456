"""Questions about the list of things to do."""

from collections.abc import Callable

from gym_reason.envs.mobile.apps.tasks import TODO, Todo
from gym_reason.envs.mobile.dates import day_at, shift_days
from gym_reason.envs.mobile.tasks.calendar_queries import TITLES
from gym_reason.envs.mobile.tasks.days import draw_day
from gym_reason.envs.mobile.tasks.fill_tasks import draw_todo
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Variant
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Answer, Goal
from gym_reason.verifiers.state.judge import NOTHING
from gym_reason.verifiers.state.world import Value, World

_COMPLETED = (
    f"Which tasks did I tick off {{day}}? {TITLES}",
    f"What have I completed {{day}} according to Tasks? {TITLES}",
    f"List the tasks whose completion was {{day}}. {TITLES}",
)
_NEXT_WEEK = (
    "How many of my open tasks are due in the seven days after today? Answer with a number.",
    "Count the tasks that are not done and are due from tomorrow on within one week. Answer with "
    "a number.",
    "Tell me the number of open tasks that are due in the next seven days, today left out.",
)
_DUE = (
    f"Which tasks are due {{day}}, done or not? {TITLES}",
    f"What does Tasks have with a due date {{day}}, whether it is done or still open? {TITLES}",
    f"List all tasks due {{day}}, the ticked ones too. {TITLES}",
)
_PRIORITY = (
    f"Which of my open tasks have {{priority}} priority? {TITLES}",
    f"What is still to do that has the priority {{priority}} in Tasks? {TITLES}",
    f"List the tasks of {{priority}} priority that are not done. {TITLES}",
)
_PRIORITY_DUE = (
    f"Which open tasks of {{priority}} priority are due {{day}}? {TITLES}",
    f"What is due {{day}}, not done, and has the priority {{priority}} in Tasks? {TITLES}",
    f"List the tasks that are due {{day}}, are still to do and have {{priority}} priority. "
    f"{TITLES}",
)
_UNTIL = (
    f"Which tasks that are not done are due {{day}} or earlier? {TITLES}",
    f"What do I still have to do of all that is due {{day}} or before that day? {TITLES}",
    f"List the open tasks whose due date is {{day}} or any earlier day. {TITLES}",
)


def _find(world: World, fits: Callable[[Todo], bool]) -> list[Todo]:
    return [todo for todo in world.rows(TODO).values() if fits(todo)]


def _draft(
    world: World,
    sentences: tuple[str, ...],
    params: dict[str, Value],
    answer: Answer,
    *filters: str,
) -> Draft:
    """Return a question that is answered by what the lists under some filters show."""

    def script(hand: Hand) -> None:
        hand.open("tasks")
        for label in filters:
            hand.tap(label, "chip")
        hand.answer(", ".join(answer.items) or NOTHING)

    return Draft(world, Goal(answer=answer), sentences, params, script)


def _titles(todos: list[Todo]) -> Answer:
    return Answer(tuple(todo.title for todo in todos))


def draw_completed(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for what was ticked on a day; sometimes it is nothing."""
    day, name = draw_day(values, world, -6, 0)
    completed = day.isoformat()
    for _ in range(values.integer(0, 3)):
        due = shift_days(day, values.integer(-2, 5)).isoformat()
        world = world.insert(TODO, draw_todo(values, due, None, completed))
    # What is due that day without being done is not meant.
    world = world.insert(TODO, draw_todo(values, completed))
    answer = _titles(_find(world, lambda todo: todo.completed == completed))
    return _draft(world, _COMPLETED, {"day": name}, answer, "Done")


def draw_next_week(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for how many open tasks are due in the seven days after today."""
    today = day_at(world.now)
    for _ in range(values.integer(1, 4)):
        due = shift_days(today, values.integer(1, 7)).isoformat()
        world = world.insert(TODO, draw_todo(values, due))
    done = shift_days(today, values.integer(1, 7)).isoformat()
    world = world.insert(TODO, draw_todo(values, done, None, today.isoformat()))
    first, last = (shift_days(today, away).isoformat() for away in (1, 7))
    found = _find(world, lambda todo: not todo.done and first <= todo.due <= last)
    return _draft(world, _NEXT_WEEK, {}, Answer((str(len(found)),), "number"))


def draw_due(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for what is due on a day, done or not."""
    day, name = draw_day(values, world, -5, 14)
    due = day.isoformat()
    completed = day_at(world.now).isoformat()
    for done in ("", completed, "")[: values.integer(0, 3)]:
        world = world.insert(TODO, draw_todo(values, due, None, done))
    answer = _titles(_find(world, lambda todo: todo.due == due))
    return _draft(world, _DUE, {"day": name}, answer, "All")


def draw_priority(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the open tasks of high, or of low, priority."""
    priority = values.pick(("high", "low"))
    today = day_at(world.now)
    for _ in range(values.integer(1, 3)):
        due = shift_days(today, values.integer(-4, 12)).isoformat()
        world = world.insert(TODO, draw_todo(values, due, priority))
    world = world.insert(TODO, draw_todo(values, "", priority, today.isoformat()))
    answer = _titles(_find(world, lambda todo: todo.priority == priority and not todo.done))
    filters = ("High priority",) if priority == "high" else ()
    return _draft(world, _PRIORITY, {"priority": priority}, answer, *filters)


def draw_priority_due(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the open tasks of high, or of low, priority that are due on a day."""
    priority = values.pick(("high", "low"))
    day, name = draw_day(values, world, -4, 14)
    due = day.isoformat()
    for _ in range(values.integer(0, 2)):
        world = world.insert(TODO, draw_todo(values, due, priority))
    other = "medium" if values.chance(0.5) else "none"
    world = world.insert(TODO, draw_todo(values, due, other))
    world = world.insert(TODO, draw_todo(values, shift_days(day, 1).isoformat(), priority))
    answer = _titles(
        _find(world, lambda one: one.priority == priority and one.due == due and not one.done)
    )
    filters = ("High priority",) if priority == "high" else ()
    params: dict[str, Value] = {"priority": priority, "day": name}
    return _draft(world, _PRIORITY_DUE, params, answer, *filters)


def draw_until(values: Values, world: World, twin: bool) -> Draft:
    """Draw a question for the open tasks that are due by a day."""
    day, name = draw_day(values, world, -5, 6)
    due = day.isoformat()
    for away in (-1, 0, 1)[values.integer(0, 2) :]:
        world = world.insert(TODO, draw_todo(values, shift_days(day, away).isoformat()))
    answer = _titles(_find(world, lambda todo: not todo.done and "" < todo.due <= due))
    return _draft(world, _UNTIL, {"day": name}, answer)


TASK_QUERY_VARIANTS: tuple[Variant, ...] = (
    Variant("completed_on", draw_completed, ("TasksCompletedTasksForDate",)),
    Variant("due_next_week", draw_next_week, ("TasksDueNextWeek",)),
    Variant("due_on", draw_due, ("TasksDueOnDate",)),
    Variant("priority", draw_priority, ("TasksHighPriorityTasks",)),
    Variant("priority_due_on", draw_priority_due, ("TasksHighPriorityTasksDueOnDate",)),
    Variant("open_until", draw_until, ("TasksIncompleteTasksOnDate",)),
)
"""The variants of `tasks.query`."""
