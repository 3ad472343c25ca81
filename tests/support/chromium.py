"""A headless Chromium whose first tab is driven over the DevTools protocol."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
from websockets.sync.client import ClientConnection, connect

from tests.support.waiting import until

CHROMIUM: Final = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS: Final = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)


class Tab:
    """One tab. What a page's security policy refuses is in ``violations``."""

    def __init__(self, socket: ClientConnection, *, scripts: bool) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._loaded = 0
        self.violations: list[str] = []
        for domain in ("Page", "Log"):
            self.call(f"{domain}.enable")
        if not scripts:
            self.call("Emulation.setScriptExecutionDisabled", value=True)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        call_id = next(self._ids)
        self._socket.send(json.dumps({"id": call_id, "method": method, "params": params}))
        while (message := self._next()).get("id") != call_id:
            pass
        assert "error" not in message, message
        result: dict[str, Any] = message["result"]
        return result

    def open(self, url: str) -> None:
        loaded = self._loaded
        self.call("Page.navigate", url=url)
        self._wait(loaded)

    def text(self) -> str:
        return str(self.evaluate("document.body.innerText"))

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, also of a promise."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def fill(self, selector: str, value: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}; 0")

    def press(self, selector: str) -> None:
        """Click, and wait for the page that follows."""
        loaded = self._loaded
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        self._wait(loaded)

    def wait_for_focus(self) -> None:
        """Wait until a field has the focus: ``autofocus`` takes effect after the page has loaded."""
        until(lambda: self.evaluate("document.activeElement !== document.body"))

    def type_keys(self, text: str) -> None:
        """Type into the focused field."""
        self.wait_for_focus()
        self.call("Input.insertText", text=text)

    def press_key(self, key: str) -> None:
        """Press a key, and wait for the page that follows."""
        loaded = self._loaded
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text="\r", windowsVirtualKeyCode=13)
        self._wait(loaded)

    def type(self, keys: str) -> None:
        """Type characters on the keyboard."""
        for key in keys:
            self.call("Input.dispatchKeyEvent", type="keyDown", key=key, text=key)
            self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def look(self, *, width: int, dark: bool = False) -> None:
        """Set the width of the window in pixels, and the colour scheme."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def screenshot(self) -> bytes:
        """The whole page as PNG."""
        return base64.b64decode(self.call("Page.captureScreenshot", captureBeyondViewport=True)["data"])

    def _wait(self, loaded: int) -> None:
        while self._loaded == loaded:
            assert not self.violations, self.violations
            self._next()

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=30))
        if message.get("method") == "Page.loadEventFired":
            self._loaded += 1
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["source"] == "security":
            self.violations.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def open_tab(profile: Path, *, scripts: bool = False) -> Iterator[Tab]:
    """Start Chromium with an empty profile.

    Args:
        scripts: Whether pages may run scripts.
    """
    assert CHROMIUM is not None
    with _browser(profile) as url, connect(url, max_size=None) as socket:
        yield Tab(socket, scripts=scripts)


@contextmanager
def _browser(profile: Path) -> Iterator[str]:
    """The WebSocket URL of the first tab."""
    assert CHROMIUM is not None
    command = [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    browser = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert browser.stderr is not None
        address = next(line for line in browser.stderr if line.startswith("DevTools listening on "))
        port = address.split(":")[2].partition("/")[0]
        tabs = httpx.get(f"http://127.0.0.1:{port}/json/list", trust_env=False).json()
        yield next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    finally:
        browser.terminate()
        browser.communicate(timeout=10)
