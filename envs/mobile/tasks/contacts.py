"""Tasks with contacts: new people, drafts, changes, and two entries of one person."""

from gym_reason.envs.mobile.apps.contacts import (
    CALL,
    CONTACT,
    LABELS,
    Call,
    Contact,
    full_name,
)
from gym_reason.envs.mobile.tasks.fill_contacts import make_contact
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import (
    Deleted,
    Expectation,
    Goal,
    Inserted,
    Shown,
    Updated,
    Want,
    Wants,
)
from gym_reason.verifiers.state.world import World

TABLE = "contacts.contact"


def _pick_person(values: Values, world: World) -> Contact:
    return values.pick(tuple(world.rows(CONTACT).values()))


def _open_person(hand: Hand, contact: Contact) -> None:
    hand.open("contacts")
    hand.tap(full_name(contact), "item")


def _fill_form(hand: Hand, first: str, last: str, phone: str, label: str = "") -> None:
    """Write into the open form, from its top to its end."""
    hand.type("First name", first)
    hand.type("Last name", last)
    if phone:
        hand.type("Phone", phone)
    # The keyboard covers what lies below.
    hand.press("back")
    if label:
        hand.tap("Label", "item")
        hand.tap(label.capitalize(), "radio")


def _draw_add(values: Values, world: World, twin: bool) -> Draft:
    (first, last), phone = values.person(), values.phone()
    sentences = (
        "Add {name} to the contacts with the number {phone}.",
        "Please save the number {phone} under the name {name}.",
        "Make a new contact: {name}, telephone {phone}.",
    )

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap("New contact", "fab")
        _fill_form(hand, first, last, phone)
        hand.tap("Save", "icon")

    goal = Goal((Inserted(TABLE, {**_names(first, last, phone), "email": Want("")}),))
    params = {"name": f"{first} {last}", "phone": phone}
    return Draft(world, goal, sentences, params, script)


def _names(first: str, last: str, phone: str) -> Wants:
    return {"first": Want(first, "text"), "last": Want(last, "text"), "phone": Want(phone, "phone")}


def _draw_add_all(values: Values, world: World, twin: bool) -> Draft:
    (first, last), phone, label = values.person(), values.phone(), values.pick(LABELS)
    email = f"{first}.{last}@example.org".lower()
    sentences = (
        "Add a contact: first name {first}, last name {last}, {label} number {phone}, "
        "email {email}.",
        "Please save {first} {last} with the {label} number {phone} and the email {email}.",
        "Make a new contact for {first} {last}. Number: {phone} (label {label}). Email: {email}.",
    )

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap("New contact", "fab")
        _fill_form(hand, first, last, phone, label)
        hand.type("Email", email)
        hand.tap("Save", "icon")

    wants = {**_names(first, last, phone), "label": Want(label), "email": Want(email, "text")}
    params = {"first": first, "last": last, "phone": phone, "label": label, "email": email}
    return Draft(world, Goal((Inserted(TABLE, wants),)), sentences, params, script)


def _draw_add_caller(values: Values, world: World, twin: bool) -> Draft:
    (first, last), number = values.person(), values.phone()
    sentences = (
        "The last call that I missed was from {name}. Save that number under this name.",
        "Add {name} to the contacts, with the number of the latest missed call.",
        "{name} called and I missed it: it is the newest missed call. Make a contact of it.",
    )
    params = {"name": f"{first} {last}"}
    if twin:
        missed = [call.id for call in world.rows(CALL).values() if call.direction == "missed"]
        return make_twin(world.delete(CALL, *missed), sentences, params)
    at = max(call.at for call in world.rows(CALL).values()) + values.integer(60, 600)
    world = world.insert(CALL, Call(0, number, "missed", at, 0))
    if values.chance(0.5):
        known = _pick_person(values, world).phone
        world = world.insert(CALL, Call(0, known, "incoming", at + 60, 70))

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap("Calls", "tab")
        hand.tap(number, "item")
        hand.tap("New contact", "item")
        _fill_form(hand, first, last, "")
        hand.tap("Save", "icon")

    goal = Goal((Inserted(TABLE, {**_names(first, last, number), "email": Want("")}),))
    return Draft(world, goal, sentences, params, script)


def _draw_draft(values: Values, world: World, twin: bool) -> Draft:
    (first, last), phone, label = values.person(), values.phone(), values.pick(LABELS[1:])
    sentences = (
        "Begin a new contact with first name {first}, last name {last}, phone {phone} and label "
        "{label}, but do not save it.",
        "Fill in the form for a new contact and leave it open unsaved: {first} {last}, {phone}, "
        "label {label}.",
        "Enter {first} (first name), {last} (last name), {phone} and the label {label} on the page "
        "for a new contact. Stop before saving.",
    )

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap("New contact", "fab")
        _fill_form(hand, first, last, phone, label)

    wants = {**_names(first, last, phone), "label": Want(label)}
    params = {"first": first, "last": last, "phone": phone, "label": label}
    goal = Goal((Shown("contacts", "edit", 0, wants),))
    return Draft(world, goal, sentences, params, script)


def _draw_draft_change(values: Values, world: World, twin: bool) -> Draft:
    phone = values.phone()
    sentences = (
        "Open the entry of {name} for editing and put in the number {phone}, but do not save it.",
        "In the form of the contact {name}, replace the number by {phone}. Leave it unsaved.",
        "Prepare a new number for {name}, {phone}, in their contact's form. I will save it myself.",
    )
    if twin:
        return make_twin(world, sentences, {"name": " ".join(values.person()), "phone": phone})
    contact = _pick_person(values, world)

    def script(hand: Hand) -> None:
        _open_person(hand, contact)
        hand.tap("Edit", "icon")
        hand.type("Phone", phone)

    wants = _names(contact.first, contact.last, phone)
    goal = Goal((Shown("contacts", "edit", contact.id, wants),))
    params = {"name": full_name(contact), "phone": phone}
    return Draft(world, goal, sentences, params, script)


def _draw_new_number(values: Values, world: World, twin: bool) -> Draft:
    phone = values.phone()
    sentences = (
        "{name} has a new number: {phone}. Change it in the contacts.",
        "Please replace the number of {name} by {phone}.",
        "Update the contact {name}: the telephone number is {phone} now.",
    )
    if twin:
        return make_twin(world, sentences, {"name": " ".join(values.person()), "phone": phone})
    contact = _pick_person(values, world)

    def script(hand: Hand) -> None:
        _open_person(hand, contact)
        hand.tap("Edit", "icon")
        hand.type("Phone", phone)
        hand.tap("Save", "icon")

    goal = Goal((Updated(TABLE, contact.id, {"phone": Want(phone, "phone")}),))
    params = {"name": full_name(contact), "phone": phone}
    return Draft(world, goal, sentences, params, script)


def _draw_new_label(values: Values, world: World, twin: bool) -> Draft:
    contact = _pick_person(values, world)
    label = values.pick([one for one in LABELS if one != contact.label])
    sentences = (
        "The number of {name} has the wrong label. It should be {label}.",
        "Label the number of {name} as {label}.",
        "Change the label of {name}'s number to {label} in the contacts.",
    )
    if twin:
        return make_twin(world, sentences, {"name": " ".join(values.person()), "label": label})

    def script(hand: Hand) -> None:
        _open_person(hand, contact)
        hand.tap("Edit", "icon")
        hand.tap("Label", "item")
        hand.tap(label.capitalize(), "radio")
        hand.tap("Save", "icon")

    goal = Goal((Updated(TABLE, contact.id, {"label": Want(label)}),))
    params = {"name": full_name(contact), "label": label}
    return Draft(world, goal, sentences, params, script)


def _draw_star(values: Values, world: World, twin: bool) -> Draft:
    on = values.chance(0.5)
    sentences = (
        "Please {verb} {name} {to} the favourites.",
        "In the contacts, {verb} {name} {to} my favourites.",
        "Open the contact {name} and {verb} them {to} the favourites.",
    )
    params = {"verb": "add" if on else "remove", "to": "to" if on else "from"}
    if twin:
        return make_twin(world, sentences, {**params, "name": " ".join(values.person())})
    contact = _pick_person(values, world)
    world = world.update(CONTACT, contact.id, starred=not on)

    def script(hand: Hand) -> None:
        _open_person(hand, contact)
        hand.tap("Add to favourites" if on else "Remove from favourites", "icon")

    goal = Goal((Updated(TABLE, contact.id, {"starred": Want(on)}),))
    return Draft(world, goal, sentences, {**params, "name": full_name(contact)}, script)


def _draw_merge(values: Values, world: World, twin: bool) -> Draft:
    contact = make_contact(values)
    name = full_name(contact)
    email = f"{contact.last}.{contact.first}@example.net".lower()
    sentences = (
        "{name} is in the contacts twice, once with a number and once with an email address. "
        "Put the email into the entry with the number, and remove the other.",
        "Merge the two entries of {name}: keep the one that has the number and give it the email.",
        "There are two contacts called {name}. Only the one with the number should be left, with "
        "the email of the other in it.",
    )
    if twin:
        kept = contact._replace(email="", starred=False)
        return make_twin(world.insert(CONTACT, kept), sentences, {"name": name})
    other = Contact(0, contact.first, contact.last, "", LABELS[0], email, False)
    entries = [contact._replace(email="", starred=False), other]
    keys = {}
    for entry in values.sample(entries, 2):
        world = world.insert(CONTACT, entry)
        keys[entry.phone] = world.last_id(CONTACT)

    def script(hand: Hand) -> None:
        hand.open("contacts")
        # Entries of one name are listed in the order in which they were made.
        hand.tap(name, "item", 0 if keys[contact.phone] < keys[""] else 1)
        hand.tap("Menu", "icon")
        hand.tap("Merge with another entry", "item")
        hand.tap(name, "item")

    wanted: tuple[Expectation, ...] = (
        Updated(TABLE, keys[contact.phone], {"email": Want(email, "text")}),
        Deleted(TABLE, (keys[""],)),
    )
    return Draft(world, Goal(wanted), sentences, {"name": name}, script)


CONTACTS_TEMPLATES: tuple[Template, ...] = (
    Template(
        "phone.add_contact",
        ("contacts",),
        (
            Variant("number", _draw_add, ("ContactsAddContact",), level=2),
            Variant("all", _draw_add_all, level=2),
            Variant("caller", _draw_add_caller, has_twin=True, level=2),
        ),
    ),
    Template(
        "phone.draft_contact",
        ("contacts",),
        (
            Variant("new", _draw_draft, ("ContactsNewContactDraft",), level=2),
            Variant("change", _draw_draft_change, has_twin=True),
        ),
    ),
    Template(
        "phone.edit_or_merge_contact",
        ("contacts",),
        (
            Variant("number", _draw_new_number, has_twin=True),
            Variant("label", _draw_new_label, has_twin=True, level=2),
            Variant("favourite", _draw_star, has_twin=True),
            Variant("merge", _draw_merge, has_twin=True, level=2),
        ),
    ),
)
