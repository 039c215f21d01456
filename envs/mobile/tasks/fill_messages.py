"""The conversations that are there anyway."""

from gym_reason.envs.mobile.apps.contacts import CONTACT
from gym_reason.envs.mobile.apps.messages import MESSAGE, Message
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World


def fill_messages(world: World, values: Values) -> World:
    """Return the world with conversations with some contacts, and one with a number alone."""
    known = [contact.phone for contact in world.rows(CONTACT).values() if contact.phone]
    numbers = [*values.sample(known, 3), values.phone()]
    lines = [number for number in numbers for _ in range(values.integer(1, 3))]
    at = world.now - values.integer(40_000, 80_000)
    for number in values.sample(lines, len(lines)):
        incoming = values.chance(0.5)
        read = not incoming or values.chance(0.8)
        world = world.insert(MESSAGE, Message(0, number, values.sentence(), incoming, at, read))
        at += values.integer(300, 3_000)
    return world
