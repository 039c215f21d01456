"""Tasks: things to do, with a day, a priority, and a box to tick."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.dates import day_at, read_day, write_day
from gym_reason.envs.mobile.device_events import BACK, ask, copy, go, put
from gym_reason.envs.mobile.forms import (
    DAY_DIALOG,
    choose_day,
    confirm,
    delete_row,
    search_field,
    show_chips,
    show_day_dialog,
    show_day_field,
    show_search,
)
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Event,
    Page,
    Widget,
    button,
    check,
    field,
    heading,
    icon,
    item,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Todo(NamedTuple):
    """Something to do."""

    id: int
    """Its number."""
    title: str
    """What is to be done."""
    notes: str
    """What else was written about it."""
    due: str
    """The day by which it is to be done, like `2023-10-17`; empty for no day."""
    priority: str
    """How much it matters: `high`, `medium`, `low` or `none`."""
    done: bool
    """Whether it is done."""
    completed: str
    """The day on which it was ticked; empty as long as it is not done."""


TODO = Table("tasks.todo", Todo)
TASKS = App("tasks", "Tasks", "task", (TODO,))
PRIORITIES = (("none", "None"), ("low", "Low"), ("medium", "Medium"), ("high", "High"))
"""How much a task may matter, and how that is shown."""
FILTERS = (
    ("open", "To do"),
    ("done", "Done"),
    ("all", "All"),
    ("high", "High priority"),
    ("today", "Due today"),
    ("late", "Overdue"),
)
"""What of the tasks a list may show; the last three are of those that are not done."""


def passes(todo: Todo, chosen: str, today: str) -> bool:
    """Return whether a task is shown under a filter. `today` is a day like `2023-10-17`."""
    if chosen in ("all", "done"):
        return chosen == "all" or todo.done
    if todo.done:
        return False
    if chosen == "high":
        return todo.priority == "high"
    if chosen == "today":
        return todo.due == today
    return chosen == "open" or "" < todo.due < today


@TASKS.page("main")
def show_tasks(world: World, route: Route, look: Look) -> Page:
    """Return the tasks under a filter or of a search: open ones first, by the day they are due."""
    wanted = route.get("search").strip().casefold()
    chosen = route.get("filter", "open")
    today = day_at(world.now).isoformat()
    todos = [
        todo
        for todo in world.rows(TODO).values()
        if (wanted in todo.title.casefold() if wanted else passes(todo, chosen, today))
    ]
    todos.sort(key=lambda todo: (todo.done, todo.due or "9999", todo.id))
    lines = search_field(route, look)
    if not wanted:
        lines += show_chips(FILTERS, chosen, look, lambda name: put("filter", name), columns=3)
    lines += [_line(todo, look) for todo in todos]
    if not todos:
        lines.append(text(look.say("No tasks here")))
    return Page(
        look.say(TASKS.label),
        tuple(lines),
        (icon("search", look.say("Search"), Event("tasks.search")),),
        root=True,
        fab=icon("add", look.say("Add"), Event("tasks.begin")),
    )


def _line(todo: Todo, look: Look) -> Widget:
    """Return a task's line: its title opens it, the box at the end of the line ticks it."""
    parts: list[str] = []
    if todo.due:
        parts.append(f"{look.say('Due')} {todo.due}")
    if todo.priority != "none":
        parts.append(look.say(dict(PRIORITIES)[todo.priority]))
    if todo.done:
        parts.append(f"{look.say('Done')} {todo.completed}")
    box = check(todo.title, todo.done, Event("tasks.toggle", todo.id))
    return item(todo.title, ", ".join(parts), go("task", todo.id), None, box)


@TASKS.page("task")
def show_task(world: World, route: Route, look: Look) -> Page:
    """Return a task with all that is known of it."""
    todo = world.find(TODO, route.key)
    if todo is None:
        return Page("", (text(look.say("This task is gone")),))
    dialog = None
    if route.dialog == "delete":
        event = Event("tasks.delete", todo.id)
        dialog = confirm("Delete this task?", todo.title, "Delete", event, look)
    due = read_day(todo.due)
    lines = [
        check(look.say("Done"), todo.done, Event("tasks.toggle", todo.id), todo.completed),
        item(look.say("Due date"), write_day(due, look) if due else look.say("None")),
        item(look.say("Priority"), look.say(dict(PRIORITIES)[todo.priority])),
    ]
    if todo.notes:
        lines += [heading(look.say("Details")), text(todo.notes, hold=copy(todo.notes))]
    return Page(
        todo.title,
        tuple(lines),
        (
            icon("edit", look.say("Edit"), Event("tasks.edit", todo.id)),
            icon("delete", look.say("Delete"), ask("delete")),
        ),
        dialog=dialog,
    )


@TASKS.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return a task to write; a new one has the number 0."""
    dialog = None
    if route.dialog == DAY_DIALOG:
        dialog = show_day_dialog(route, day_at(world.now), look, "tasks.choose_day")
    return Page(
        look.say("Edit task") if route.key else look.say("New task"),
        (
            field("title", look.say("Title"), route.get("title")),
            field("notes", look.say("Details"), route.get("notes"), lines=3),
            show_day_field(route, "Due date", look),
            heading(look.say("Priority")),
            *show_chips(
                PRIORITIES, route.value("priority"), look, lambda name: put("priority", name)
            ),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("tasks.save")),),
        dialog=dialog,
    )


TASKS.on("choose_day")(choose_day)
TASKS.on("search")(show_search)


@TASKS.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty task."""
    return phone.push("edit", 0, title="", notes="", day="", priority="none")


@TASKS.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open a task to be changed."""
    todo = phone.world.find(TODO, event.key)
    if todo is None:
        return phone
    return phone.push(
        "edit",
        todo.id,
        title=todo.title,
        notes=todo.notes,
        day=todo.due,
        priority=todo.priority,
    )


@TASKS.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the task that is open, and go back; say what is wrong with it otherwise."""
    route, world = phone.route, phone.world
    title, notes = route.get("title").strip(), route.get("notes").strip()
    entered = route.get("day").strip()
    day = read_day(entered)
    if not title:
        return phone.say("A title is needed")
    if entered and day is None:
        return phone.say("There is no such date")
    due = day.isoformat() if day else ""
    priority = route.get("priority", "none")
    if not route.key:
        world = world.insert(TODO, Todo(0, title, notes, due, priority, False, ""))
    elif world.find(TODO, route.key) is None:
        return phone.say("This task is gone")
    else:
        world = world.update(TODO, route.key, title=title, notes=notes, due=due, priority=priority)
    return phone.write(world).pop().say("Saved")


@TASKS.on("toggle")
def toggle(phone: Phone, event: Event) -> Phone:
    """Tick a task, or take the tick away."""
    world = phone.world
    todo = world.find(TODO, event.key)
    if todo is None:
        return phone
    completed = "" if todo.done else day_at(world.now).isoformat()
    return phone.write(world.update(TODO, todo.id, done=not todo.done, completed=completed))


TASKS.on("delete")(delete_row(TODO))
