"""What the settings are before anybody changes them."""

from gym_reason.envs.mobile.apps.settings import LINES, write_setting
from gym_reason.envs.mobile.tasks.values import Values
from gym_reason.verifiers.state.world import World

UNTOUCHED = ("airplane", "language", "location")
"""Settings that are as they usually are: on them depends what other tasks can do."""


def fill_settings(world: World, values: Values) -> World:
    """Return the world with every setting."""
    for name, line in LINES.items():
        value = line.usual
        if name not in UNTOUCHED:
            if isinstance(value, bool):
                value = values.chance(0.5)
            elif isinstance(value, int):
                value = values.integer(20, 80)
            else:
                value = values.pick(line.choices)
        world = write_setting(world, name, value)
    return world
