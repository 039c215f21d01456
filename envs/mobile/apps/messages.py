"""Messages: conversations by number, with a page to begin one."""

from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps.contacts import (
    CONTACT,
    find_people,
    full_name,
    name_number,
    tidy_number,
)
from gym_reason.envs.mobile.dates import write_time
from gym_reason.envs.mobile.device_events import ask, copy
from gym_reason.envs.mobile.forms import confirm
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.system.tables import NOTICE, notify
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    field,
    icon,
    item,
    row,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Message(NamedTuple):
    """A message that was sent or that came."""

    id: int
    """Its number."""
    number: str
    """The other side's telephone number."""
    text: str
    """What it says."""
    incoming: bool
    """Whether it came; else it was sent."""
    at: int
    """When, on the world's clock."""
    read: bool
    """Whether it was seen; what was sent is."""


MESSAGE = Table("messages.message", Message)
MESSAGES = App("messages", "Messages", "message", (MESSAGE,))
END = 1_000_000
"""Scrolls a page to its end: more than there is counts as all."""
MAX_SUGGESTIONS = 5
"""Most people that are shown while a receiver is entered."""


def read_conversation(world: World, number: str) -> list[Message]:
    """Return the messages from and to a number, the oldest first."""
    found = [one for one in world.rows(MESSAGE).values() if one.number == number]
    return sorted(found, key=lambda message: (message.at, message.id))


def send(world: World, number: str, words: str) -> World:
    """Return the world with a message sent: logged, and among the messages of its number."""
    world = world.record("messages.sent", to=number, text=words)
    return world.insert(MESSAGE, Message(0, number, words, False, world.now, True))


def mark_read(world: World, number: str) -> World:
    """Return the world in which a conversation was seen, its notifications gone."""
    for message in read_conversation(world, number):
        world = world.update(MESSAGE, message.id, read=True)
    notices = world.rows(NOTICE).values()
    seen = [one.id for one in notices if one.app == "messages" and one.key == number]
    return world.delete(NOTICE, *seen)


@MESSAGES.page("main")
def show_conversations(world: World, route: Route, look: Look) -> Page:
    """Return the conversations, the one with the newest message first."""
    last: dict[str, Message] = {}
    for message in sorted(world.rows(MESSAGE).values(), key=lambda one: (one.at, one.id)):
        last[message.number] = message
    newest = sorted(last.values(), key=lambda one: (-one.at, -one.id))
    unread = {one.number for one in world.rows(MESSAGE).values() if not one.read}
    lines = tuple(
        item(
            name_number(world, message.number),
            message.text.partition("\n")[0][:40],
            Event("messages.open", message.number),
            ask("delete", message.number),
            picture="mail" if message.number in unread else "person",
        )
        for message in newest
    )
    dialog = None
    if route.dialog == "delete":
        dialog = _confirm_deletion(world, str(route.subject), look)
    return Page(
        look.say(MESSAGES.label),
        lines or (text(look.say("No messages")),),
        root=True,
        fab=icon("add", look.say("New message"), Event("messages.begin")),
        dialog=dialog,
    )


def _confirm_deletion(world: World, number: str, look: Look) -> Dialog:
    event = Event("messages.delete_all", number)
    name = name_number(world, number)
    return confirm("Delete this conversation?", name, "Delete", event, look)


@MESSAGES.page("thread")
def show_thread(world: World, route: Route, look: Look) -> Page:
    """Return a conversation, with a field to answer in."""
    number = str(route.key or "")
    name = name_number(world, number)
    bubbles = [_bubble(message, look) for message in read_conversation(world, number)]
    send_icon = icon("send", look.say("Send"), Event("messages.reply", number))
    reply = field("reply", look.say("Message"), route.get("reply"))
    body = (text(number), *bubbles, reply._replace(children=(send_icon,)))
    dialog = None
    subject = route.subject if isinstance(route.subject, int) else None
    chosen = world.find(MESSAGE, subject)
    if route.dialog == "message" and chosen is not None:
        dialog = _show_menu(chosen, look)
    elif route.dialog == "menu":
        lines = [item(look.say("Delete conversation"), "", ask("delete", number))]
        if name == number:
            new = Event("contacts.new", None, number)
            lines.append(item(look.say("New contact"), "", new))
        dialog = Dialog("", look.arrange(tuple(lines), "messages.menu"))
    elif route.dialog == "delete":
        dialog = _confirm_deletion(world, number, look)
    return Page(
        name,
        body,
        (
            icon("call", look.say("Call"), Event("contacts.call", None, number)),
            icon("menu", look.say("Menu"), ask("menu")),
        ),
        dialog=dialog,
    )


def _bubble(message: Message, look: Look) -> Widget:
    """Return a message, at the left where it came and at the right where it was sent."""
    words = text(message.text, hold=ask("message", message.id))
    at = write_time(message.at)
    if message.incoming:
        return row(words, text(at))
    return row(text(f"{look.say('You')} {at}"), words)


def _show_menu(message: Message, look: Look) -> Dialog:
    lines = [
        item(look.say("Copy text"), "", copy(message.text)),
        item(look.say("Forward"), "", Event("messages.forward", message.id)),
        item(look.say("Delete message"), "", Event("messages.delete", message.id)),
    ]
    if not message.incoming:
        lines.append(item(look.say("Resend"), "", Event("messages.resend", message.id)))
    return Dialog("", look.arrange(tuple(lines), "messages.message"))


@MESSAGES.page("new")
def show_composer(world: World, route: Route, look: Look) -> Page:
    """Return an empty message, with the people who may be meant below it."""
    to = route.get("to")
    # A whole number that is known needs no proposal any more.
    people = [one for one in find_people(world, to) if one.phone and one.phone != to.strip()]
    lines = [
        item(full_name(one), one.phone, Event("messages.choose", None, one.phone), picture="person")
        for one in (people[:MAX_SUGGESTIONS] if to.strip() else [])
    ]
    return Page(
        look.say("New message"),
        (
            field("to", look.say("To"), to),
            field("text", look.say("Text"), route.get("text"), lines=4),
            *lines,
        ),
        (icon("send", look.say("Send"), Event("messages.send")),),
    )


@MESSAGES.on("open")
def open_thread(phone: Phone, event: Event) -> Phone:
    """Open a conversation, which marks it as read; another app's page stays behind."""
    number = str(event.key)
    phone = phone.write(mark_read(phone.world, number)).turn(phone.route.open_dialog(""))
    if phone.route.app != "messages":
        return phone.open("messages", Route("messages"), _thread(number))
    phone = phone.push("thread", number)
    return phone.turn(phone.route._replace(scroll=END))


def _thread(number: str) -> Route:
    return Route("messages", "thread", number, scroll=END)


@MESSAGES.on("begin")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty message."""
    return phone.push("new", to="", text="")


@MESSAGES.on("choose")
def choose(phone: Phone, event: Event) -> Phone:
    """Enter the number of one of the people proposed."""
    return phone.turn(phone.route.put(to=event.value)._replace(focus=""))


@MESSAGES.on("send")
def send_new(phone: Phone, event: Event) -> Phone:
    """Send the message that is open, and show its conversation."""
    route = phone.route
    words, number = route.get("text"), find_number(phone.world, route.get("to"))
    if number is None:
        return phone.say("No such number or contact")
    if not words.strip():
        return phone.say("There is no text")
    phone = phone.write(send(phone.world, number, words))
    return phone.turn(_thread(number)).say("Sent")


def find_number(world: World, entered: str) -> str | None:
    """Return the number that was entered, or that of the one person whose whole name was."""
    number = tidy_number(entered) if entered.strip() else None
    if number is not None:
        return number
    wanted = " ".join(entered.casefold().split())
    found = {
        contact.phone
        for contact in world.rows(CONTACT).values()
        if contact.phone and wanted and full_name(contact).casefold() == wanted
    }
    return found.pop() if len(found) == 1 else None


@MESSAGES.on("reply")
def reply(phone: Phone, event: Event) -> Phone:
    """Send what was entered under a conversation."""
    number, words = str(event.key), phone.route.get("reply")
    if not words.strip():
        return phone.say("There is no text")
    world = send(mark_read(phone.world, number), number, words)
    return phone.write(world).turn(phone.route.put(reply="")._replace(scroll=END)).say("Sent")


@MESSAGES.on("resend")
def resend(phone: Phone, event: Event) -> Phone:
    """Send a message once more, to the same number."""
    message = phone.world.find(MESSAGE, event.key)
    if message is None:
        return phone
    phone = phone.write(send(phone.world, message.number, message.text))
    return phone.turn(phone.route.open_dialog("")._replace(scroll=END)).say("Sent")


@MESSAGES.on("forward")
def forward(phone: Phone, event: Event) -> Phone:
    """Begin a message with the text of another."""
    message = phone.world.find(MESSAGE, event.key)
    return phone if message is None else phone.push("new", to="", text=message.text)


@MESSAGES.on("delete")
def delete(phone: Phone, event: Event) -> Phone:
    """Delete one message."""
    world = phone.world.delete(MESSAGE, event.key or 0)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Deleted")


@MESSAGES.on("delete_all")
def delete_conversation(phone: Phone, event: Event) -> Phone:
    """Delete a conversation and show the others."""
    gone = [one.id for one in read_conversation(phone.world, str(event.key))]
    phone = phone.write(phone.world.delete(MESSAGE, *gone)).say("Deleted")
    return phone.turn(phone.route.open_dialog("")) if phone.route.page == "main" else phone.pop()


@MESSAGES.on("receive")
def receive(phone: Phone, event: Event) -> Phone:
    """Take in a message from the event's key: with a notification, unless it is being watched."""
    number, words, world = str(event.key), str(event.value), phone.world
    route = phone.route
    seen = (route.app, route.page, route.key) == ("messages", "thread", number)
    seen = seen and not phone.overlay
    world = world.insert(MESSAGE, Message(0, number, words, True, world.now, seen))
    if not seen:
        world = notify(world, "messages", name_number(world, number), words, "thread", number)
    return phone.write(world)
