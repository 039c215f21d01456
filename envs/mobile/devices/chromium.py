"""The device on a real browser: it decides what a touch meets, and its fields hold the text.

The screen is HTML at the bounds of the layout. Gestures are input events of the browser; handlers
in the page tell which element met them, and what follows is decided by the same pure functions as
on the embedded device. Nothing sleeps: each gesture ends with a question to the page, which is
answered once the events before it have been handled.
"""

import base64
import binascii
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from gym_reason.envs.mobile.app import App
from gym_reason.envs.mobile.apps import APPS
from gym_reason.envs.mobile.devices.base import Capabilities
from gym_reason.envs.mobile.devices.browser import LIMIT_S, Browser
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    Press,
    Tap,
    TypeText,
    Wait,
    perform,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Element, Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.envs.mobile.phone import Phone
from gym_reason.envs.mobile.render.html import NOTHING, write_document, write_screen
from gym_reason.envs.mobile.screen import Screens, current_page, shown_fields
from gym_reason.errors import EnvError, RunError
from gym_reason.types import Json
from gym_reason.verifiers.state.judge import Screen
from gym_reason.verifiers.state.world import EMPTY_WORLD, World

HOLD_S = 1.0
"""How long a long press lasts, by the times that its events carry."""
LONG_S = 0.5
"""From how long on a touch counts as long."""
DRAG_STEPS = 4
"""Moves between the ends of a drag."""

_KEYS: Mapping[str, tuple[str, int]] = {
    "back": ("GoBack", 0),
    "home": ("GoHome", 0),
    "recents": ("AppSwitch", 0),
    "enter": ("Enter", 13),
    "delete": ("Backspace", 8),
}
"""The keys, by the names that browsers give them, with their codes."""

_HANDLERS = """
(() => {
  let down = null, moves = 0, before = "";
  const number = (node) => {
    const found = node && node.closest ? node.closest("[data-n]") : null;
    return found ? Number(found.dataset.n) : NOTHING;
  };
  const tell = (what) => report(JSON.stringify(what));
  const options = { capture: true, passive: false };
  addEventListener("pointerdown", (event) => {
    // A browser moves a finger to the target that it takes to be meant; here its middle decides.
    const target = event.pointerType === "touch"
      ? document.elementFromPoint(event.clientX, event.clientY) : event.target;
    down = { number: number(target), x: event.clientX, y: event.clientY, at: event.timeStamp };
    moves = 0;
  }, options);
  addEventListener("pointermove", () => { if (down) moves += 1; }, options);
  addEventListener("pointerup", (event) => {
    if (!down) return;
    tell({ event: "touch", number: down.number, path: [down.x, down.y, event.clientX,
           event.clientY], seconds: (event.timeStamp - down.at) / 1000, moves });
    down = null;
  }, options);
  addEventListener("pointercancel", () => { tell({ event: "cancel" }); down = null; }, options);
  addEventListener("keydown", (event) => {
    tell({ event: "key", key: event.key, number: number(document.activeElement) });
    event.preventDefault();
  }, options);
  addEventListener("beforeinput", (event) => {
    before = event.target.value.slice(0, event.target.selectionStart);
  }, options);
  addEventListener("input", (event) => {
    if (event.inputType !== "insertText") return;
    tell({ event: "input", number: number(event.target), before: before.length,
           text: event.target.value.slice(before.length) });
  }, options);
  for (const name of ["dragstart", "contextmenu"])
    addEventListener(name, (event) => event.preventDefault(), options);
  globalThis.showScreen = (html, focused) => {
    document.getElementById("screen").innerHTML = html;
    const field = focused === NOTHING ? null : document.querySelector(`[data-n="${focused}"]`);
    if (!field) return;
    field.focus({ preventScroll: true });
    field.setSelectionRange(field.value.length, field.value.length);
  };
})()
""".replace("NOTHING", str(NOTHING))


class Meeting(NamedTuple):
    """What a touch met, as the browser tells it."""

    element: Element | None
    """What lay under the finger when it came down; None for nothing that can be used."""
    path: tuple[int, int, int, int]
    """Where the finger came down and where it went up."""
    seconds: float
    """How long it was down."""


class ChromiumDevice:
    """A device in a page of a headless browser, which has to be closed."""

    capabilities = Capabilities(pixels=True, exact_state=True, virtual_clock=True)

    def __init__(
        self,
        apps: Mapping[str, App] = APPS,
        *,
        touch: bool = False,
        browser: Browser | None = None,
        limit_s: float = LIMIT_S,
    ) -> None:
        """Open a page in a browser.

        Args:
            apps: The apps, by name.
            touch: Whether the pointer is a finger and not a mouse. The screen reacts alike.
            browser: A browser to share; one is started, and ended with the device, where none is
                given.
            limit_s: Longest wait for an answer of a browser that is started here.

        Raises:
            RunError: Where there is no browser, or it does not start.
        """
        self._apps, self._touch = apps, touch
        self._screens = Screens(apps)
        self.phone = Phone(EMPTY_WORLD)
        """The state; whoever sets it finds it in the page at the next gesture or picture."""
        self.look = Look()
        self._shown: Layout | None = None
        self._owned = browser is None
        self._browser = browser or Browser(limit_s=limit_s)
        self._open = True
        context = self._browser.call("Target.createBrowserContext")["browserContextId"]
        self._context = str(context)
        target = self._browser.call(
            "Target.createTarget", {"url": "about:blank", "browserContextId": self._context}
        )["targetId"]
        attached = self._browser.call(
            "Target.attachToTarget", {"targetId": str(target), "flatten": True}
        )
        self._session = str(attached["sessionId"])
        self._frame = str(self._call("Page.getFrameTree")["frameTree"]["frame"]["id"])
        self._call("Page.enable")
        self._call("Runtime.enable")
        self._call("Runtime.addBinding", {"name": "report"})
        self._call(
            "Emulation.setDeviceMetricsOverride",
            {"width": WIDTH, "height": HEIGHT, "deviceScaleFactor": 1, "mobile": True},
        )
        self._call("Emulation.setFocusEmulationEnabled", {"enabled": True})
        if touch:
            self._call("Emulation.setTouchEmulationEnabled", {"enabled": True})
        self.load(EMPTY_WORLD, self.look)

    def load(self, world: World, look: Look) -> None:
        """Set the data and the appearance, with the home screen open and nothing else."""
        self.phone, self.look = Phone(world), look
        self._call(
            "Page.setDocumentContent", {"frameId": self._frame, "html": write_document(look)}
        )
        self._evaluate(_HANDLERS)
        self._show()

    def act(self, gesture: Gesture) -> None:
        """Do one gesture and wait until the page has handled it."""
        screen = self._keep_up()
        match gesture:
            case Tap(x, y):
                self._meet(gesture, screen, (x, y, x, y))
            case LongPress(x, y):
                self._meet(gesture, screen, (x, y, x, y))
            case Drag():
                self._meet(gesture, screen, (gesture.x0, gesture.y0, gesture.x1, gesture.y1))
            case TypeText(words, clear):
                typed = self._type(screen, words, clear)
                self.phone = perform(self.phone, typed, screen, self._apps)
            case Press(key):
                self._press(key)
                self.phone = perform(self.phone, gesture, screen, self._apps)
            case _:
                self.phone = perform(self.phone, gesture, screen, self._apps)
        self._show()

    def observe(self) -> Layout:
        """Return what is on the screen."""
        return self._screens.show(self.phone, self.look)

    def photograph(self, scale: int = 1) -> bytes:
        """Return the page as the browser paints it, as a PNG."""
        clip: dict[str, Json] = {"x": 0, "y": 0, "width": WIDTH, "height": HEIGHT, "scale": scale}
        self._keep_up()
        answer = self._call("Page.captureScreenshot", {"format": "png", "clip": clip})
        try:
            return base64.b64decode(answer["data"], validate=True)
        except binascii.Error as error:
            raise RunError(f"a screenshot that is no base64: {error}") from None

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
        fields = shown_fields(phone, current_page(phone, self._apps, self.look))
        return Screen(phone.route.app, phone.route.page, phone.route.key, fields)

    def read_bounds(self) -> list[tuple[int, float, float, float, float]]:
        """Return where the browser has each element: its number, left, top, right and bottom."""
        self._keep_up()
        found = self._evaluate(
            'Array.from(document.querySelectorAll("[data-n]"), (node) => {'
            " const box = node.getBoundingClientRect();"
            " return [Number(node.dataset.n), box.left, box.top, box.right, box.bottom]; })"
        )
        return [(int(one[0]), *map(float, one[1:])) for one in found]  # type: ignore[misc]

    def read_text(self) -> str:
        """Return all that the page shows, a line a piece, with the values of its fields."""
        self._keep_up()
        found = self._evaluate(
            'document.getElementById("screen").innerText + "\\n" + Array.from('
            'document.querySelectorAll("input[type=text], textarea"), (node) => node.value)'
            '.join("\\n")'
        )
        return str(found)

    def close(self) -> None:
        """End the browser, if it was started for this device, or else the page."""
        if not self._open:
            return
        self._open = False
        if self._owned:
            self._browser.close()
        else:
            self._browser.call("Target.disposeBrowserContext", {"browserContextId": self._context})

    def _keep_up(self) -> Layout:
        """Return what is on the screen, which the page shows too."""
        screen = self.observe()
        if screen is not self._shown:
            self._show()
        return screen

    def _show(self) -> None:
        """Write the screen into the page, with the cursor at the end of the focused field."""
        screen = self.observe()
        focused = NOTHING
        for number, element in enumerate(screen.elements):
            if element.focused:
                focused = number
        html = json.dumps(write_screen(screen, self.look))
        self._evaluate(f"showScreen({html}, {focused})")
        self._shown = screen

    def _meet(
        self, gesture: Tap | LongPress | Drag, screen: Layout, path: tuple[int, int, int, int]
    ) -> None:
        """Let the browser find what a finger meets, and do what follows."""
        met = self._send_touch(screen, path, HOLD_S if isinstance(gesture, LongPress) else 0.05)
        x0, y0, x1, y1 = met.path
        if isinstance(gesture, Drag):
            seen: Gesture = Drag(x0, y0, x1, y1)
        else:
            seen = LongPress(x0, y0) if met.seconds >= LONG_S else Tap(x0, y0)
        self.phone = perform(self.phone, seen, screen, self._apps, lambda *_: met.element)

    def _send_touch(
        self, screen: Layout, path: tuple[int, int, int, int], seconds: float
    ) -> Meeting:
        x0, y0, x1, y1 = path
        if not (0 <= x0 < WIDTH and 0 <= y0 < HEIGHT):
            return Meeting(None, path, seconds)  # no finger comes down beside the screen
        points = [(x0, y0)]
        if (x1, y1) != (x0, y0):
            points += [
                (x0 + (x1 - x0) * step // DRAG_STEPS, y0 + (y1 - y0) * step // DRAG_STEPS)
                for step in range(1, DRAG_STEPS + 1)
            ]
        begin = time.time()
        events = [self._point_event("down", x0, y0, begin)]
        events += [self._point_event("move", x, y, begin) for x, y in points[1:]]
        events.append(self._point_event("up", *points[-1], begin + seconds))
        self._call_all(events)
        told = self._take("touch")
        if not told:
            raise EnvError(
                f"a touch at {x0},{y0} that the page did not get", "an answer of its handlers"
            )
        found = told[-1]
        number, ends = int(found["number"]), [round(value) for value in found["path"]]
        element = screen.elements[number] if number != NOTHING else None
        return Meeting(element, (ends[0], ends[1], ends[2], ends[3]), float(found["seconds"]))

    def _point_event(
        self, what: str, x: int, y: int, at_s: float
    ) -> tuple[str, Mapping[str, Json]]:
        """Return one event of the pointer, which carries its time."""
        if self._touch:
            kinds = {"down": "touchStart", "move": "touchMove", "up": "touchEnd"}
            touched: list[Json] = [] if what == "up" else [{"x": x, "y": y}]
            finger: dict[str, Json] = {"type": kinds[what], "timestamp": at_s}
            return "Input.dispatchTouchEvent", {**finger, "touchPoints": touched}
        kinds = {"down": "mousePressed", "move": "mouseMoved", "up": "mouseReleased"}
        mouse: dict[str, Json] = {"type": kinds[what], "x": x, "y": y, "timestamp": at_s}
        buttons = 0 if what == "up" else 1
        mouse.update({"button": "left", "buttons": buttons, "clickCount": 1})
        return "Input.dispatchMouseEvent", mouse

    def _type(self, screen: Layout, words: str, clear: bool) -> Gesture:
        """Type into the field that has the cursor, and return what the browser put there."""
        if clear:
            self._evaluate("document.activeElement.select && document.activeElement.select()")
        if words:
            self._call("Input.insertText", {"text": words})
        told = self._take("input")
        if words and not told:
            return Wait()  # no field had the cursor
        return TypeText("".join(str(one["text"]) for one in told), clear)

    def _press(self, key: str) -> None:
        name, code = _KEYS[key]
        self._call_all(
            [
                (
                    "Input.dispatchKeyEvent",
                    {"type": kind, "key": name, "windowsVirtualKeyCode": code},
                )
                for kind in ("rawKeyDown", "keyUp")
            ]
        )
        if not any(one["key"] == name for one in self._take("key")):
            raise EnvError(f"a key {key!r} that the page did not get", "an answer of its handlers")

    def _take(self, event: str) -> list[dict[str, Any]]:
        """Return what the page told of one kind of event, once it has handled all of them."""
        self._evaluate("0")
        told = [
            json.loads(notice.params["payload"])
            for notice in self._browser.take_notices(self._session)
            if notice.method == "Runtime.bindingCalled"
        ]
        return [one for one in told if one["event"] == event]

    def _evaluate(self, expression: str) -> Any:
        answer = self._call("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        if "exceptionDetails" in answer:
            raise EnvError(f"a page that fails: {answer['exceptionDetails'].get('text')}")
        return answer["result"].get("value")

    def _call(self, method: str, params: Mapping[str, Json] | None = None) -> Mapping[str, Any]:
        return self._call_all([(method, params or {})])[0]

    def _call_all(
        self, commands: Sequence[tuple[str, Mapping[str, Json]]]
    ) -> list[Mapping[str, Any]]:
        if not self._open:
            raise EnvError("a device that was closed", "an open one", "make a new device")
        return self._browser.call_all(commands, self._session)
