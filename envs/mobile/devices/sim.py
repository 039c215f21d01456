"""The embedded device: pure Python, no pixels unless they are asked for."""

from collections.abc import Mapping

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.base import Capabilities
from gym_reason.envs.mobile.gestures import Gesture, perform
from gym_reason.envs.mobile.layout import Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.screen import Screens, current_page, shown_fields
from gym_reason.verifiers.state.judge import Screen
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

NOWHERE = (0, 0, 0, 0)
"""Bounds of nothing."""


class SimDevice:
    """A device that is a value: each gesture replaces it by the next one."""

    capabilities = Capabilities(pixels=True, exact_state=True, virtual_clock=True)

    def __init__(self, apps: Mapping[str, App] = APPS) -> None:
        """Make a device without data."""
        self._apps = apps
        self.screens = Screens(apps)
        """What it has laid out."""
        self.phone = Phone(EMPTY_WORLD)
        self.look = Look()
        # What was laid out last: a step looks at the screen several times.
        self._seen: tuple[Phone | None, Look, Layout] = (None, self.look, Layout((), NOWHERE, 0))

    def load(self, world: World, look: Look) -> None:
        """Set the data and the appearance, with the home screen open and nothing else."""
        self.phone, self.look = Phone(world), look

    def act(self, gesture: Gesture) -> None:
        """Do one gesture."""
        self.phone = perform(self.phone, gesture, self.observe(), self._apps)

    def observe(self) -> Layout:
        """Return what is on the screen."""
        phone, look = self.phone, self.look
        seen = self._seen
        if seen[0] is phone and seen[1] is look:
            return seen[2]
        layout = self.screens.show(phone, look)
        self._seen = (phone, look, layout)
        return layout

    def photograph(self, scale: int = 1) -> bytes:
        """Return the screen as a PNG. Raises UsageError without Pillow."""
        from gym_reason.envs.mobile.render.paint import paint_png  # Pillow, for those who look

        return paint_png(self.observe(), self.look, scale)

    def dump(self) -> World:
        """Return the data."""
        return self.phone.world

    def now(self) -> int:
        """Return the time on the device's clock."""
        return self.phone.world.now

    def screen(self) -> Screen:
        """Return which page is open, and what was entered on it."""
        phone = self.phone
        if phone.overlay or not phone.stack:
            return Screen()
        route = phone.route
        fields = shown_fields(phone, current_page(phone, self._apps, self.look))
        return Screen(route.app, route.page, route.key, fields)

    def close(self) -> None:
        """Hold nothing any more."""
        self.phone = Phone(EMPTY_WORLD)
