"""The telephone: the list of calls, the pad with digits, and a call itself."""

from gym_reason.envs.mobile.apps.contacts import (
    CALL,
    CONTACTS,
    Call,
    name_number,
    show_tabs,
    tidy_number,
)
from gym_reason.envs.mobile.dates import write_time
from gym_reason.envs.mobile.device_events import BACK, ask
from gym_reason.envs.mobile.forms import confirm
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    button,
    field,
    icon,
    item,
    row,
    text,
)
from gym_reason.verifiers.state.world import World

__all__ = ["CONTACTS"]

PAD = ("123", "456", "789", "*0#")
"""The keys, line by line."""
MAX_DIGITS = 40
"""Most digits that the pad takes."""


@CONTACTS.page("calls")
def show_calls(world: World, route: Route, look: Look) -> Page:
    """Return the calls, the last one first."""
    calls = sorted(world.rows(CALL).values(), key=lambda call: (-call.at, -call.id))
    lines = tuple(
        item(
            name_number(world, call.number),
            f"{look.say(call.direction.capitalize())} {write_time(call.at)} {call.number}",
            ask("call", call.id),
            None,
            icon("call", look.say("Call"), Event("contacts.call", None, call.number)),
            picture="call",
        )
        for call in calls
    )
    dialog = None
    chosen = world.find(CALL, route.subject if isinstance(route.subject, int) else None)
    if route.dialog == "call" and chosen is not None:
        dialog = _show_menu(chosen, look)
    elif route.dialog == "clear":
        dialog = confirm("Delete all calls?", "", "Delete", Event("contacts.clear_calls"), look)
    return Page(
        look.say("Calls"),
        lines or (text(look.say("No calls")),),
        (icon("delete", look.say("Delete all calls"), ask("clear")),) if lines else (),
        root=True,
        tabs=show_tabs("calls", look),
        dialog=dialog,
    )


def _show_menu(call: Call, look: Look) -> Dialog:
    lines = (
        item(look.say("Call back"), "", Event("contacts.call", None, call.number)),
        item(look.say("Send a message"), "", Event("messages.open", call.number)),
        item(look.say("New contact"), "", Event("contacts.save_caller", call.id)),
        item(look.say("Delete this call"), "", Event("contacts.delete_call", call.id)),
    )
    return Dialog(call.number, look.arrange(lines, "contacts.calls"))


@CONTACTS.page("dial")
def show_pad(world: World, route: Route, look: Look) -> Page:
    """Return the pad with what was entered."""
    number = route.get("number")
    keys = [row(*(button(key, Event("contacts.digit", key)) for key in line)) for line in PAD]
    return Page(
        look.say("Dial"),
        (
            field("number", look.say("Number"), number),
            *keys,
            row(
                button(look.say("Erase"), Event("contacts.digit", "")),
                button(look.say("Call"), Event("contacts.call", None, number), bool(number)),
            ),
        ),
        root=True,
        tabs=show_tabs("dial", look),
    )


@CONTACTS.page("call")
def show_call(world: World, route: Route, look: Look) -> Page:
    """Return a call that goes on."""
    number = str(route.key or "")
    return Page(
        name_number(world, number),
        (text(number), text(look.say("Calling")), button(look.say("End call"), BACK)),
    )


@CONTACTS.on("digit")
def press_digit(phone: Phone, event: Event) -> Phone:
    """Put a digit behind the number that was entered, or take the last one away."""
    number = phone.route.get("number")
    number = (number + str(event.key))[:MAX_DIGITS] if event.key else number[:-1]
    return phone.turn(phone.route.put(number=number))


@CONTACTS.on("call")
def call(phone: Phone, event: Event) -> Phone:
    """Call a number: it rings there, and that cannot be undone."""
    number = tidy_number(str(event.value or ""))
    if number is None:
        return phone.say("This is no phone number")
    world = phone.world.record("contacts.called", number=number)
    world = world.insert(CALL, Call(0, number, "outgoing", world.now, 0))
    phone = phone.write(world).turn(phone.route.open_dialog(""))
    phone = phone if phone.route.app == "contacts" else phone.open("contacts", Route("contacts"))
    return phone.push("call", number)


@CONTACTS.on("save_caller")
def save_caller(phone: Phone, event: Event) -> Phone:
    """Open an empty form with the number of a call."""
    found = phone.world.find(CALL, event.key)
    if found is None:
        return phone
    phone = phone.turn(phone.route.open_dialog(""))
    return CONTACTS.handlers["contacts.new"](phone, Event("contacts.new", None, found.number))


@CONTACTS.on("delete_call")
def delete_call(phone: Phone, event: Event) -> Phone:
    """Take a call from the list."""
    world = phone.world.delete(CALL, event.key or 0)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Deleted")


@CONTACTS.on("clear_calls")
def clear_calls(phone: Phone, event: Event) -> Phone:
    """Empty the list of calls."""
    world = phone.world.delete(CALL, *phone.world.rows(CALL))
    return phone.write(world).turn(phone.route.open_dialog("")).say("Deleted")
