"""The pages of the device itself: home, all apps, recent apps, notifications; and its dialogs."""

from collections.abc import Mapping, Sequence

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import CLOSE
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Request
from gym_reason.envs.mobile.system.tables import NOTICE
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    icon,
    item,
    row,
    text,
)

HOME_APPS = 8
"""Apps on the home screen; the drawer has all of them."""
COLUMNS = 4
"""Icons side by side."""


def show_home(apps: Mapping[str, App], look: Look) -> Page:
    """Return the home screen: some apps, and the way to all of them."""
    chosen = look.arrange(tuple(apps.values()), "home")[:HOME_APPS]
    drawer = button(look.say("All apps"), Event("cover", "drawer"))
    return Page("", (*_grid(chosen, look), drawer), root=True)


def show_drawer(apps: Mapping[str, App], look: Look) -> Page:
    """Return every app, by its name."""
    by_name = sorted(apps.values(), key=lambda app: look.say(app.label))
    return Page(look.say("All apps"), _grid(by_name, look))


def show_recents(phone: Phone, apps: Mapping[str, App], look: Look) -> Page:
    """Return the apps that are open, the last used first."""
    stacks = (phone.stack, *phone.recents) if phone.stack else phone.recents
    names = [stack[0].app for stack in stacks]
    lines = tuple(
        item(
            look.say(apps[name].label),
            "",
            Event("open", name),
            None,
            icon("close", look.say("Close"), Event("close_app", name)),
            picture=apps[name].picture,
        )
        for name in names
    )
    title = look.say("Recent apps")
    if not lines:
        return Page(title, (text(look.say("No recent apps")),))
    return Page(title, (*lines, button(look.say("Clear all"), Event("close_app"))))


def show_shade(phone: Phone, apps: Mapping[str, App], look: Look) -> Page:
    """Return the notifications, the newest first."""
    notices = tuple(phone.world.rows(NOTICE).values())[::-1]
    lines = tuple(
        item(
            notice.title,
            notice.text,
            Event("open_notice", notice.id),
            None,
            icon("close", look.say("Close"), Event("dismiss", notice.id)),
            picture=apps[notice.app].picture if notice.app in apps else "",
        )
        for notice in notices
    )
    title = look.say("Notifications")
    if not lines:
        return Page(title, (text(look.say("No notifications")),))
    return Page(title, (*lines, button(look.say("Clear all"), Event("dismiss"))))


def show_request(request: Request, apps: Mapping[str, App], look: Look) -> Dialog:
    """Return the question whether an app may do something."""
    label = look.say(apps[request.app].label)
    question = look.say(f"Allow {{app}} to use {request.permission}?").replace("{app}", label)
    return Dialog(
        question,
        buttons=(
            button(look.say("Deny"), Event("answer_request", None, False)),
            button(look.say("Allow"), Event("answer_request", None, True)),
        ),
    )


def show_edit_menu(words: str, clip: str, look: Look) -> Dialog:
    """Return what can be done with the text of a field."""

    def line(label: str, what: str) -> Widget:
        return item(look.say(label), "", Event("edit", what, words))

    lines = [line("Copy", "copy"), line("Cut", "cut"), line("Clear", "clear")] if words else []
    if clip:
        lines.append(line("Paste", "paste"))
    return Dialog("", tuple(lines), (button(look.say("Cancel"), CLOSE),))


def _grid(apps: Sequence[App], look: Look) -> tuple[Widget, ...]:
    icons = [
        Widget("app", look.say(app.label), tap=Event("open", app.name), name=app.picture)
        for app in apps
    ]
    icons += [Widget("space")] * (-len(icons) % COLUMNS)
    return tuple(row(*icons[start : start + COLUMNS]) for start in range(0, len(icons), COLUMNS))
