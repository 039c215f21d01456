"""A page of the report in a real browser, for the tests that look at it."""

import base64
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gym_reason.envs.mobile.devices.browser import Browser, Notice


class ReportPage:
    """A file that is open in a tab of its own; what it says and asks for is kept."""

    def __init__(self, browser: Browser, width: int = 1280, height: int = 900) -> None:
        """Open an empty tab."""
        self.browser = browser
        target = browser.call("Target.createTarget", {"url": "about:blank"})["targetId"]
        attached = browser.call("Target.attachToTarget", {"targetId": str(target), "flatten": True})
        self._session = str(attached["sessionId"])
        self._notices: list[Notice] = []
        for name in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{name}.enable")
        self.resize(width, height)

    def call(self, method: str, **params: Any) -> Any:
        """Ask the tab for something."""
        return self.browser.call(method, params, self._session)

    def resize(self, width: int, height: int, *, dark: bool = False) -> None:
        """Set the size of the window and which colours its owner likes."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, path: Path, fragment: str = "") -> None:
        """Open a file and wait until its episodes, if it has any, are unpacked."""
        self.call("Page.navigate", url=path.resolve().as_uri() + fragment)
        self.wait(
            "document.readyState === 'complete' && !document.querySelector('.waiting') && "
            "(!document.getElementById('episodes') || !!document.querySelector('.inner header'))"
        )

    def ask(self, expression: str) -> Any:
        """Return the value of an expression. Raises AssertionError where it throws."""
        found = self.call(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, expression: str, limit_s: float = 20.0) -> None:
        """Wait until an expression is true."""
        deadline = time.monotonic() + limit_s
        while not self.ask(expression):
            assert time.monotonic() < deadline, f"never true: {expression}"
            time.sleep(0.02)

    def press(self, *keys: str) -> None:
        """Press keys, one after another."""
        for key in keys:
            for kind in ("rawKeyDown", "keyUp"):
                self.call("Input.dispatchKeyEvent", type=kind, key=key)

    def fill(self, name: str, value: str) -> None:
        """Set a filter as a person would."""
        self.ask(
            "(() => { const { elements } = document.querySelector('.filters');"
            f"const field = elements[{json.dumps(name)}];"
            f"field.value = {json.dumps(value)};"
            "field.dispatchEvent(new Event('input', {bubbles: true})); })()"
        )

    def complaints(self) -> list[str]:
        """Return errors of the page, and requests that it made beside the one for itself."""
        self._notices += self.browser.take_notices(self._session)
        found = []
        for notice in self._notices:
            if notice.method == "Runtime.exceptionThrown":
                found.append(str(notice.params["exceptionDetails"])[:500])
            elif notice.method == "Runtime.consoleAPICalled":
                found.append(f"console: {notice.params['args']}"[:500])
            elif notice.method == "Log.entryAdded":
                found.append(f"log: {notice.params['entry']['text']}"[:500])
            elif notice.method == "Network.requestWillBeSent":
                url = str(notice.params["request"]["url"])
                if not url.startswith(("file:", "data:", "about:")):
                    found.append(f"request: {url}"[:500])
        return found

    def photograph(self, path: Path, clip: Sequence[float] | None = None) -> None:
        """Keep what the window shows, or a part of the page, as a PNG."""
        params: dict[str, Any] = {"format": "png"}
        if clip is not None:
            x, y, width, height = clip
            params["clip"] = {"x": x, "y": y, "width": width, "height": height, "scale": 1}
            params["captureBeyondViewport"] = True
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", **params)["data"]))
