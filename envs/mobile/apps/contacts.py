"""Contacts: who has which number. Calls are in `contacts_calls`, which adds its pages here."""

import re
from typing import NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.device_events import BACK, CLOSE, ask, copy, go
from gym_reason.envs.mobile.forms import confirm, delete_row, search_field, search_icon
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone, Route
from gym_reason.envs.mobile.widgets import (
    Dialog,
    Event,
    Page,
    Widget,
    button,
    chip,
    field,
    icon,
    item,
    radio,
    text,
)
from gym_reason.verifiers.state.world import Table, World


class Contact(NamedTuple):
    """A person, with a number."""

    id: int
    """Their number in the list."""
    first: str
    """First name."""
    last: str
    """Last name; may be empty."""
    phone: str
    """Telephone number, digits with a plus perhaps; may be empty."""
    label: str
    """What kind of number it is: one of LABELS."""
    email: str
    """Address for mail; may be empty."""
    starred: bool
    """Whether they are a favourite."""


class Call(NamedTuple):
    """A call that was made or that came."""

    id: int
    """Its number."""
    number: str
    """The other side's telephone number."""
    direction: str
    """`outgoing`, `incoming` or `missed`."""
    at: int
    """When, on the world's clock."""
    seconds: int
    """How long it was."""


CONTACT = Table("contacts.contact", Contact)
CALL = Table("contacts.call", Call)
LABELS = ("mobile", "home", "work", "other")
"""Kinds of numbers."""
CONTACTS = App("contacts", "Contacts", "person", (CONTACT, CALL))


def tidy_number(entered: str) -> str | None:
    """Return a telephone number without what only parts it; None for what is no number."""
    if not re.fullmatch(r"\s*\+?[0-9()\s./*#-]{2,40}", entered, re.A):
        return None
    digits = re.sub(r"[^0-9*#]", "", entered)
    plus = "+" if entered.strip().startswith("+") else ""
    return plus + digits if len(digits) > 1 else None


def full_name(contact: Contact) -> str:
    """Return first and last name, as they are shown."""
    return f"{contact.first} {contact.last}".strip()


def name_number(world: World, number: str) -> str:
    """Return whose number it is, or the number itself."""
    for contact in world.rows(CONTACT).values():
        if number and contact.phone == number:
            return full_name(contact)
    return number


def find_people(world: World, words: str) -> list[Contact]:
    """Return those whose name or number holds some words, by name."""
    wanted = " ".join(words.casefold().split())
    found = [
        contact
        for contact in world.rows(CONTACT).values()
        if wanted in full_name(contact).casefold() or (wanted and wanted in contact.phone)
    ]
    return sorted(found, key=lambda contact: (full_name(contact).casefold(), contact.id))


def show_tabs(here: str, look: Look) -> tuple[Widget, ...]:
    """Return the tabs of the app's first pages."""
    tabs = (
        ("main", "Contacts", "person"),
        ("calls", "Calls", "history"),
        ("dial", "Dial", "dialpad"),
    )
    return tuple(
        chip(look.say(label), page == here, Event("contacts.tab", page))._replace(name=picture)
        for page, label, picture in tabs
    )


@CONTACTS.page("main")
def show_contacts(world: World, route: Route, look: Look) -> Page:
    """Return everybody by name, favourites first."""
    people = find_people(world, route.get("search"))
    people.sort(key=lambda contact: not contact.starred)
    lines = search_field(route, look)
    lines += [
        item(
            full_name(contact),
            contact.phone,
            go("contact", contact.id),
            picture="star" if contact.starred else "person",
        )
        for contact in people
    ]
    if not people:
        lines.append(text(look.say("No contacts found")))
    return Page(
        look.say(CONTACTS.label),
        tuple(lines),
        (search_icon(route, look),),
        root=True,
        fab=icon("add", look.say("New contact"), Event("contacts.new")),
        tabs=show_tabs("main", look),
    )


@CONTACTS.page("contact")
def show_contact(world: World, route: Route, look: Look) -> Page:
    """Return one person."""
    contact = world.find(CONTACT, route.key)
    if contact is None:
        return Page("", (text(look.say("This contact is gone")),))
    body: list[Widget] = []
    if contact.phone:
        kind = look.say(contact.label.capitalize())
        body.append(item(contact.phone, kind, None, copy(contact.phone), picture="call"))
        call = Event("contacts.call", None, contact.phone)
        body.append(item(look.say("Call"), "", call, picture="call"))
        write = Event("messages.open", contact.phone)
        body.append(item(look.say("Send a message"), "", write, picture="message"))
    if contact.email:
        mail = item(contact.email, look.say("Email"), None, copy(contact.email), picture="mail")
        body.append(mail)
    star = "Remove from favourites" if contact.starred else "Add to favourites"
    return Page(
        full_name(contact),
        tuple(body) or (text(look.say("No number")),),
        (
            icon(
                "star" if contact.starred else "star_border",
                look.say(star),
                Event("contacts.star", contact.id),
            ),
            icon("edit", look.say("Edit"), Event("contacts.edit", contact.id)),
            icon("menu", look.say("Menu"), ask("menu")),
        ),
        dialog=_show_dialog(contact, world, route, look),
    )


def _show_dialog(contact: Contact, world: World, route: Route, look: Look) -> Dialog | None:
    if route.dialog == "menu":
        lines = (
            item(look.say("Merge with another entry"), "", ask("merge")),
            item(look.say("Delete"), "", ask("delete")),
        )
        return Dialog("", look.arrange(lines, "contacts.menu"))
    if route.dialog == "merge":
        others = [
            item(
                full_name(other),
                other.phone or other.email,
                Event("contacts.merge", contact.id, other.id),
            )
            for other in find_people(world, full_name(contact))
            if other.id != contact.id
        ]
        found = tuple(others) or (text(look.say("No other entry of this name")),)
        cancel = button(look.say("Cancel"), CLOSE)
        return Dialog(look.say("Add the details of"), found, (cancel,))
    if route.dialog == "delete":
        event = Event("contacts.delete", contact.id)
        return confirm("Delete this contact?", full_name(contact), "Delete", event, look)
    return None


@CONTACTS.page("edit")
def show_editor(world: World, route: Route, look: Look) -> Page:
    """Return the form of a person; a new one has the number 0."""
    label = route.get("label", LABELS[0])
    dialog = None
    if route.dialog == "label":
        dialog = Dialog(
            look.say("Label"),
            tuple(
                radio(look.say(one.capitalize()), one == label, Event("contacts.label", one))
                for one in LABELS
            ),
            (button(look.say("Cancel"), CLOSE),),
        )
    return Page(
        look.say("Edit contact") if route.key else look.say("New contact"),
        (
            field("first", look.say("First name"), route.get("first")),
            field("last", look.say("Last name"), route.get("last")),
            field("phone", look.say("Phone"), route.get("phone")),
            item(look.say("Label"), look.say(label.capitalize()), ask("label")),
            field("email", look.say("Email"), route.get("email")),
            button(look.say("Cancel"), BACK),
        ),
        (icon("save", look.say("Save"), Event("contacts.save")),),
        dialog=dialog,
    )


@CONTACTS.on("tab")
def turn_tab(phone: Phone, event: Event) -> Phone:
    """Show another of the first pages."""
    return phone.turn(Route("contacts", str(event.key)))


@CONTACTS.on("new")
def begin(phone: Phone, event: Event) -> Phone:
    """Open an empty form, perhaps with a number in it; another app's page stays behind."""
    phone = phone.turn(phone.route.open_dialog(""))
    phone = phone if phone.route.app == "contacts" else phone.open("contacts", Route("contacts"))
    return phone.push(
        "edit", 0, first="", last="", phone=str(event.value or ""), label=LABELS[0], email=""
    )


@CONTACTS.on("edit")
def edit(phone: Phone, event: Event) -> Phone:
    """Open the form of somebody who is there."""
    contact = phone.world.find(CONTACT, event.key)
    if contact is None:
        return phone
    return phone.push(
        "edit",
        contact.id,
        first=contact.first,
        last=contact.last,
        phone=contact.phone,
        label=contact.label,
        email=contact.email,
    )


@CONTACTS.on("label")
def choose_label(phone: Phone, event: Event) -> Phone:
    """Enter the kind of the number in the form."""
    return phone.turn(phone.route.put(label=event.key).open_dialog(""))


@CONTACTS.on("save")
def save(phone: Phone, event: Event) -> Phone:
    """Write the form that is open, and go back."""
    route, world = phone.route, phone.world
    first, last = route.get("first").strip(), route.get("last").strip()
    entered, email = route.get("phone").strip(), route.get("email").strip()
    number = tidy_number(entered) if entered else ""
    if not first and not last:
        return phone.say("A name is needed")
    if number is None:
        return phone.say("This is no phone number")
    if email and not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        return phone.say("This is no email address")
    label = route.get("label", LABELS[0])
    if route.key:
        if world.find(CONTACT, route.key) is None:
            return phone.pop().say("This contact is gone")
        world = world.update(
            CONTACT, route.key, first=first, last=last, phone=number, label=label, email=email
        )
    else:
        world = world.insert(CONTACT, Contact(0, first, last, number, label, email, False))
    return phone.write(world).pop().say("Saved")


@CONTACTS.on("star")
def star(phone: Phone, event: Event) -> Phone:
    """Make somebody a favourite, or no longer."""
    contact = phone.world.find(CONTACT, event.key)
    if contact is None:
        return phone
    return phone.write(phone.world.update(CONTACT, contact.id, starred=not contact.starred))


@CONTACTS.on("merge")
def merge(phone: Phone, event: Event) -> Phone:
    """Put into one entry what it lacks of another, and delete the other."""
    world = phone.world
    kept = world.find(CONTACT, event.key)
    other = world.find(CONTACT, event.value if isinstance(event.value, int) else None)
    if kept is None or other is None or kept.id == other.id:
        return phone
    world = world.update(
        CONTACT,
        kept.id,
        phone=kept.phone or other.phone,
        label=kept.label if kept.phone else other.label,
        email=kept.email or other.email,
        starred=kept.starred or other.starred,
    )
    world = world.delete(CONTACT, other.id)
    return phone.write(world).turn(phone.route.open_dialog("")).say("Merged")


CONTACTS.on("delete")(delete_row(CONTACT))
