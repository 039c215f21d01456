"""The people and the calls that are there anyway."""

from gym_reason.envs.mobile.apps.contacts import CALL, CONTACT, LABELS, Call, Contact
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World


def make_contact(values: Values) -> Contact:
    """Return somebody new, who is not in the world yet."""
    first, last = values.person()
    email = f"{first}.{last}@example.com".lower() if values.chance(0.5) else ""
    label = LABELS[0] if values.chance(0.6) else values.pick(LABELS[1:])
    return Contact(0, first, last, values.phone(), label, email, values.chance(0.2))


def fill_contacts(world: World, values: Values) -> World:
    """Return the world with six to ten people, and some calls from them and from others."""
    for _ in range(values.integer(6, 10)):
        world = world.insert(CONTACT, make_contact(values))
    known = [contact.phone for contact in world.rows(CONTACT).values()]
    at = world.now - values.integer(60_000, 90_000)
    for _ in range(values.integer(5, 7)):
        number = values.phone() if values.chance(0.2) else values.pick(known)
        direction = values.pick(("incoming", "outgoing", "missed"))
        seconds = 0 if direction == "missed" else values.integer(5, 900)
        world = world.insert(CALL, Call(0, number, direction, at, seconds))
        at += values.integer(600, 8_000)
    return world
