"""Tasks of the device itself: which app is open, and what was copied."""

from collections.abc import Callable

from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.apps.contacts import CONTACT, full_name
from gym_reason.envs.mobile.apps.messages import MESSAGE, Message
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.system.tables import write_clip
from gym_reason.envs.mobile.tasks.fill_contacts import make_contact
from gym_reason.envs.mobile.tasks.hand import Hand
from gym_reason.envs.mobile.tasks.messages_steps import allow_reading
from gym_reason.envs.mobile.tasks.template import Draft, Template, Variant
from gym_reason.envs.mobile.tasks.twins import make_twin
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.goals import Goal, Shown, Updated, Want
from gym_reason.verifiers.state.world import World

MISSING_APPS = {
    "train": ("Weather", "Podcasts", "Fitness", "Translate"),
    "test": ("Stocks", "Radio", "Wallet", "Compass"),
}
"""Apps that this device does not have."""


def _draw_open(values: Values, world: World, twin: bool) -> Draft:
    sentences = (
        "Open the app {app}.",
        "Please go to {app}.",
        "Bring {app} to the front and leave it open.",
    )
    if twin:
        return make_twin(world, sentences, {"app": values.pick_from(MISSING_APPS)})
    name = values.pick(tuple(APPS))
    params = {"app": APPS[name].label}
    return Draft(world, Goal((Shown(name),)), sentences, params, lambda hand: hand.open(name))


def _draw_switch(values: Values, world: World, twin: bool) -> Draft:
    name, other = values.sample(tuple(APPS), 2)
    sentences = (
        "Leave {other} and open {app} instead.",
        "{other} is open now. Go to {app}.",
        "Go from {other} to the app {app}.",
    )
    params = {"app": APPS[name].label, "other": APPS[other].label}

    def script(hand: Hand) -> None:
        hand.press("home")
        hand.open(name)

    return Draft(world, Goal((Shown(name),)), sentences, params, script, start=_start_with(other))


def _start_with(app: str) -> Callable[[Phone], Phone]:
    return lambda phone: phone.open(app)


def copied(words: str, reading: str = "text") -> Updated:
    """Return the expectation that a text took the place of what was copied before."""
    return Updated("system.clip", "clip", {"text": Want(words, reading)})


def _draw_typed(values: Values, world: World, twin: bool) -> Draft:
    world = write_clip(world, values.title())
    words = values.sentence() if values.chance(0.5) else values.address()
    sentences = (
        "Copy this text to the clipboard: {text}",
        "Write this into any field and copy it from there, without saving it: {text}",
        "I want to paste this somewhere later, so put it on the clipboard: {text}",
    )

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap("Search", "icon")
        hand.type("Search", words)
        hand.hold("Search", "field")
        hand.tap("Copy", "item")

    return Draft(world, Goal((copied(words),)), sentences, {"text": words}, script)


def _draw_message(values: Values, world: World, twin: bool) -> Draft:
    sentences = (
        "Copy the last message of {name} to the clipboard.",
        "Put what {name} wrote to me last on the clipboard.",
        "{name} sent me a message. Copy the text of the newest one.",
    )
    world = write_clip(world, values.title())
    person = make_contact(values)
    if twin:
        return make_twin(world, sentences, {"name": full_name(person)})
    world, words = world.insert(CONTACT, person), ""
    for back_s in (900, 300):
        words = values.sentence()
        sent = Message(0, person.phone, words, True, world.now - back_s, True)
        world = world.insert(MESSAGE, sent)

    def script(hand: Hand) -> None:
        hand.open("messages")
        hand.tap(full_name(person), "item")
        hand.hold(words, "text")
        hand.tap("Copy text", "item")

    goal = Goal((copied(words),), allow_reading(world, person.phone))
    return Draft(world, goal, sentences, {"name": full_name(person)}, script)


def _draw_number(values: Values, world: World, twin: bool) -> Draft:
    sentences = (
        "Copy the phone number of {name} to the clipboard.",
        "I need to paste {name}'s number somewhere. Copy it from the contacts.",
        "Look up {name} in the contacts and copy the number.",
    )
    world = write_clip(world, values.title())
    if twin:
        return make_twin(world, sentences, {"name": " ".join(values.person())})
    person = values.pick(tuple(world.rows(CONTACT).values()))

    def script(hand: Hand) -> None:
        hand.open("contacts")
        hand.tap(full_name(person), "item")
        hand.hold(person.phone, "item")

    goal = Goal((copied(person.phone, "phone"),))
    return Draft(world, goal, sentences, {"name": full_name(person)}, script)


SYSTEM_TEMPLATES: tuple[Template, ...] = (
    Template(
        "system.open_app",
        tuple(APPS),
        (
            Variant("home", _draw_open, ("OpenAppTaskEval",), has_twin=True),
            Variant("switch", _draw_switch),
        ),
    ),
    Template(
        "system.clipboard",
        ("contacts", "messages"),
        (
            Variant("typed", _draw_typed, ("SystemCopyToClipboard",)),
            Variant("message", _draw_message, has_twin=True),
            Variant("number", _draw_number, has_twin=True),
        ),
    ),
)
