"""The device on a real phone. Its data are what its apps hold: they are read and never set."""

import io
import re
import time
from collections.abc import Callable

from gym_reason.envs.mobile.devices.adb import calendar, contacts, files, messages, settings
from gym_reason.envs.mobile.devices.adb.connection import Connection
from gym_reason.envs.mobile.devices.adb.hierarchy import (
    Dump,
    ScreenError,
    lay_out_dump,
    read_dump,
)
from gym_reason.envs.mobile.devices.adb.keyboard import clear_field, press, type_text
from gym_reason.envs.mobile.devices.adb.packages import app_of, find_home, list_packages, open_app
from gym_reason.envs.mobile.devices.adb.source import Adapter, NotGiven, Source
from gym_reason.envs.mobile.devices.base import Capabilities
from gym_reason.envs.mobile.gestures import (
    Drag,
    Gesture,
    LongPress,
    OpenApp,
    Press,
    Tap,
    TypeText,
    Wait,
    focused_field,
)
from gym_reason.envs.mobile.layout import HEIGHT, WIDTH, Layout
from gym_reason.envs.mobile.look import Look
from gym_reason.errors import EnvError, RunError
from gym_reason.verifiers.state.difference import compare_worlds
from gym_reason.verifiers.state.judge import Screen
from gym_reason.verifiers.state.world import EMPTY_WORLD, Key, LogEntry, Row, World

ADAPTERS: tuple[Adapter, ...] = (
    settings.ADAPTER,
    contacts.CONTACTS_ADAPTER,
    contacts.CALLS_ADAPTER,
    messages.ADAPTER,
    calendar.ADAPTER,
    files.ADAPTER,
)
"""What reads the tables of a phone."""
MAX_LOOKS = 8
"""Looks at a screen until it counts as settled, whatever it does."""
MAX_WAIT_S = 300
"""Longest wait, of real time."""

_DUMP_FILE = "/data/local/tmp/gym_reason_screen.xml"
_LONG_MS, _DRAG_MS = 1_000, 800
_PNG = b"\x89PNG\r\n\x1a\n"


class AdbDevice:
    """A phone that is connected by adb, with whatever is on it.

    Points are 360ths of its width and 800ths of its height. Each gesture ends when two looks at
    the screen are equal, or after MAX_LOOKS.
    """

    def __init__(
        self,
        serial: str = "",
        host: str = "",
        port: int = 0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Connect to a phone.

        Args:
            serial: Which; empty for that of ANDROID_SERIAL, or else the only one.
            host: Where the adb server runs; empty for the usual place.
            port: Its port; 0 for the usual one.
            pause: Lets seconds pass, between two looks and for `Wait`.

        Raises:
            RunError: Without the package `adbutils`, a server, or the phone.
        """
        self._phone = Connection(serial, host, port)
        self._pause = pause
        self._size = _read_size(self._phone.run("wm", "size").text)
        self._home = find_home(self._phone)
        self._installed = list_packages(self._phone)
        self._source = Source(self._phone)
        self._seen: tuple[Dump, Layout] | None = None
        self._open = True
        self.look = Look()
        """What labels are said in; a phone has its own appearance."""
        self.capabilities = Capabilities(
            pixels=True,
            exact_state=False,
            virtual_clock=False,
            tables=tuple(table for adapter in ADAPTERS for table in adapter.tables),
        )
        """What it can do; after `dump`, the tables that were given, and why others were not."""

    def load(self, world: World, look: Look) -> None:
        """Go to the home screen, if the phone's data are those of the world already.

        Raises EnvError where they are not: a phone is never written to. A task for it is made on
        what `dump` returned.
        """
        self.look = look
        difference = compare_worlds(world, self.dump())
        if difference:
            tables = sorted({change.table for change in difference.changes}) or ["the log"]
            raise EnvError(
                f"a phone whose data differ from the task's in {', '.join(tables)}",
                "a task that was made on what the phone holds",
            )
        self.act(Press("home"))

    def act(self, gesture: Gesture) -> None:
        """Do one gesture and wait until the screen has settled.

        Raises:
            ActionError: For a text that cannot be typed, or an app that is not there.
            RunError: Where the phone is gone.
        """
        phone = self._phone_in_use()
        match gesture:
            case Tap(x, y):
                phone.run("input", "tap", *self._pixels(x, y))
            case LongPress(x, y):
                point = self._pixels(x, y)
                phone.run("input", "swipe", *point, *point, str(_LONG_MS))
            case Drag(x0, y0, x1, y1):
                path = (*self._pixels(x0, y0), *self._pixels(x1, y1))
                phone.run("input", "swipe", *path, str(_DRAG_MS))
            case TypeText(words, clear):
                field = focused_field(self.observe())
                if field is None:
                    return  # keys would go to whatever listens
                if clear:
                    clear_field(phone, field.detail)
                type_text(phone, words)
            case Press(key):
                press(phone, key)
            case OpenApp(app):
                open_app(phone, app, self._installed)
            case Wait(seconds):
                self._pause(max(0, min(seconds, MAX_WAIT_S)))
        self.settle()

    def settle(self) -> None:
        """Look at the screen until it stays as it is.

        Raises RunError where no look at it can be read.
        """
        last: bytes | None = None
        problem = ""
        seen = None
        for number in range(MAX_LOOKS):
            if number:
                self._pause(0.2)
            clock, xml = self._look()
            if xml == last and seen is not None:
                break
            last = xml
            try:
                dump = read_dump(xml)
            except ScreenError as error:
                problem = str(error)
                continue
            seen = dump, lay_out_dump(dump, self._size, clock)
        if seen is None:
            raise RunError(f"a screen that cannot be read: {problem}", "a dump of uiautomator")
        self._seen = seen

    def observe(self) -> Layout:
        """Return what was on the screen when it settled."""
        if self._seen is None:
            self.settle()
        assert self._seen is not None
        return self._seen[1]

    def photograph(self, scale: int = 1) -> bytes:
        """Return the screen as a PNG of 360 by 800 pixels, times `scale`. Needs Pillow.

        Raises RunError where the phone sends no picture.
        """
        from PIL import Image, UnidentifiedImageError  # for those who look

        sent = self._phone_in_use().read_bytes("screencap -p 2>/dev/null")
        start = sent.find(_PNG)
        try:
            if start < 0:
                raise UnidentifiedImageError
            with Image.open(io.BytesIO(sent[start:]), formats=("PNG",)) as found:
                picture = found.convert("RGB").resize((WIDTH * scale, HEIGHT * scale))
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            raise RunError(f"no picture in {len(sent)} bytes of screencap", "a PNG") from None
        file = io.BytesIO()
        picture.save(file, "PNG", compress_level=3)
        return file.getvalue()

    def dump(self) -> World:
        """Return the data that the apps tell, and note in `capabilities` what they do not."""
        self._phone_in_use()
        tables: dict[str, dict[Key, Row]] = {}
        log: list[LogEntry] = []
        lacks: dict[str, str] = {}
        for adapter in ADAPTERS:
            try:
                reading = adapter.read(self._source)
            except NotGiven as error:
                lacks |= dict.fromkeys(adapter.tables, str(error))
                continue
            tables |= {name: dict(rows) for name, rows in reading.tables.items()}
            log += reading.log
        log.sort(key=lambda entry: entry.at)
        self.capabilities = Capabilities(True, False, False, tuple(tables), lacks)
        return World(tables, tuple(log), self.now(), EMPTY_WORLD.next_ids)

    def now(self) -> int:
        """Return the time on the phone, as its world counts it. Raises RunError."""
        try:
            return self._source.now()
        except NotGiven as error:
            raise RunError(f"a phone that does not tell the time: {error}") from None

    def screen(self) -> Screen:
        """Return which app is open and what its fields hold; a phone has no names for pages."""
        layout = self.observe()
        assert self._seen is not None
        package = self._seen[0].package
        if package in ("", self._home, "com.android.systemui"):
            return Screen()
        fields = {one.name: one.detail for one in layout.elements if one.kind == "field"}
        return Screen(app_of(package), "", None, fields)

    def close(self) -> None:
        """Let go of the phone, which stays as it is."""
        self._open = False
        self._seen = None

    def _look(self) -> tuple[str, bytes]:
        """Return the time of the day and the screen as XML."""
        answer = self._phone_in_use().run_script(
            f"rm -f {_DUMP_FILE}; date +%H:%M; "
            f"uiautomator dump {_DUMP_FILE} >/dev/null 2>&1; cat {_DUMP_FILE} 2>/dev/null"
        )
        clock, _, xml = answer.output.partition(b"\n")
        words = clock.decode("ascii", "replace").strip()
        return words if re.fullmatch("[0-9]{2}:[0-9]{2}", words, re.A) else "", xml

    def _pixels(self, x: int, y: int) -> tuple[str, str]:
        """Return a point in pixels, as the screen is turned now: its middle, not its edge."""
        turned = self._seen is not None and self._seen[0].rotation % 2
        wide, high = reversed(self._size) if turned else self._size
        across, down = (2 * x + 1) * wide // (2 * WIDTH), (2 * y + 1) * high // (2 * HEIGHT)
        return str(max(0, min(wide - 1, across))), str(max(0, min(high - 1, down)))

    def _phone_in_use(self) -> Connection:
        if not self._open:
            raise EnvError("a device that was closed", "an open one", "make a new device")
        return self._phone


def _read_size(words: str) -> tuple[int, int]:
    """Return the width and height of a screen in pixels, as apps see it. Raises RunError."""
    found = re.findall(r"(Physical|Override) size: ([0-9]{2,5})x([0-9]{2,5})", words)
    if not found:
        raise RunError(f"a phone that does not tell its size: {words[:80]!r}")
    _, wide, high = found[-1]
    return int(wide), int(high)
