"""A hand that uses a device by what is written on it: how oracles act, through the real screen."""

from gym_reason.envs.mobile.actions.resolve import resolve
from gym_reason.envs.mobile.actions.types import Action, Claim, Say, Touch
from gym_reason.envs.mobile.devices.base import Device
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
    find_element,
)
from gym_reason.envs.mobile.layout import Element, Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.errors import EnvError

MAX_SCROLLS = 40
"""Scrolls after which what is looked for counts as not there."""


class Hand:
    """Does things on a device, and writes down each action that it took.

    Labels are given in English and looked for in the device's language. An element that is not in
    sight is scrolled to, from the top of the page.
    """

    def __init__(self, device: Device, look: Look) -> None:
        """Use a device that shows `look`."""
        self.device, self.look = device, look
        self.actions: list[Action] = []

    def open(self, app: str) -> None:
        """Bring an app to the front."""
        self.do(OpenApp(app))

    def tap(self, label: str, kind: str = "", number: int = 0) -> None:
        """Touch the element of a label: the `number`-th of those of a kind, or of any kind."""
        self._touch(label, kind, number, long=False)

    def hold(self, label: str, kind: str = "", number: int = 0) -> None:
        """Press the element of a label for long."""
        self._touch(label, kind, number, long=True)

    def type(self, label: str, text: str) -> None:
        """Write a text into the field of a label, in place of what was there."""
        element, index = self.find(label, "field", 0)
        self.actions.append(Touch("input_text", element=index, text=text, clear=True))
        if not element.focused:
            self._gesture(Tap(*centre(element)))
        self._gesture(TypeText(text, clear=True))

    def set_level(self, label: str, level: int) -> None:
        """Drag a slider to a level from 0 to 100."""
        _, index = self.find(label, "slider", 0)
        self.do(Touch("set_level", element=index, level=level))

    def drag(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """Move a finger from one point to another."""
        self.do(Drag(x0, y0, x1, y1))

    def press(self, key: str) -> None:
        """Press a key: `back`, `home`, `recents`, `enter` or `delete`."""
        self.do(Press(key))

    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.do(Wait(seconds))

    def answer(self, text: str) -> None:
        """Answer the question of the task."""
        self.actions.append(Say("answer", text))

    def claim(self, feasible: bool = True) -> None:
        """End the episode."""
        self.actions.append(Claim("complete" if feasible else "infeasible"))

    def sees(self, label: str, kind: str = "") -> bool:
        """Return whether an element of a label is in sight, without scrolling."""
        return self._look_for(self.device.observe(), self.look.say(label), kind, 0) is not None

    def read(self, label: str, kind: str = "") -> str:
        """Return the second line of an element, or what a field holds; scrolls to it."""
        return self.find(label, kind, 0)[0].detail

    def _touch(self, label: str, kind: str, number: int, long: bool) -> None:
        element, index = self.find(label, kind, number)
        self.actions.append(Touch("long_press" if long else "tap", element=index))
        point = centre(element)
        self._gesture(LongPress(*point) if long else Tap(*point))

    def find(self, label: str, kind: str = "", number: int = 0) -> tuple[Element, int]:
        """Return an element and its number, scrolling down, and once from the top, for it."""
        wanted = self.look.say(label)
        for turn in range(MAX_SCROLLS):
            screen = self.device.observe()
            index = self._look_for(screen, wanted, kind, number)
            if index is not None:
                return screen.elements[index], index
            _, top, _, bottom = screen.body
            if turn == 0 and screen.scroll > 0:
                for _ in range(1 + screen.scroll // max(bottom - top - 60, 40)):
                    self.do(Touch("scroll", direction="up"))
            elif screen.scroll < screen.max_scroll and not screen.modal:
                self.do(Touch("scroll", direction="down"))
            else:
                break
        seen = [element.text for element in self.device.observe().elements if element.tap]
        raise EnvError(f"no {kind or 'element'} {wanted!r} on the screen", f"one of {seen}")

    def _look_for(self, screen: Layout, wanted: str, kind: str, number: int) -> int | None:
        found = [
            index
            for index, element in enumerate(screen.elements)
            if index >= screen.modal
            and element.text == wanted
            and kind in ("", element.kind)
            and (element.tap or element.hold or element.drag)
            and _reachable(screen, index)
        ]
        return found[number] if number < len(found) else None

    def do(self, action: Gesture | Touch) -> None:
        """Do an action and write it down."""
        self.actions.append(action)
        for gesture in resolve(action, self.device.observe()):
            self._gesture(gesture)

    def _gesture(self, gesture: Gesture) -> None:
        self.device.act(gesture)


def centre(element: Element) -> tuple[int, int]:
    """Return the middle of what can be seen of an element."""
    left, top, right, bottom = element.bounds
    return (left + right) // 2, (top + bottom) // 2


def _reachable(screen: Layout, index: int) -> bool:
    """Return whether nothing covers the middle of an element."""
    return find_element(screen, *centre(screen.elements[index])) is screen.elements[index]
