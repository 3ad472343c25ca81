"""The device page in a real browser without scripts, which applies its own form policies and `Origin`."""

from __future__ import annotations

import itertools
import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import ClientConnection, connect

from tests.support.browsing import ADMIN, device, poll
from tests.support.control_plane import Plane

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


class Tab:
    """One tab, driven over the DevTools protocol."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._ids = itertools.count(1)
        self._loaded = 0
        self.violations: list[str] = []
        for domain in ("Page", "Log"):
            self.call(f"{domain}.enable")
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

    def evaluate(self, expression: str) -> object:
        return self.call("Runtime.evaluate", expression=expression)["result"].get("value")

    def fill(self, selector: str, value: str) -> None:
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def press(self, selector: str) -> None:
        """Click, and wait for the page that follows."""
        loaded = self._loaded
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        self._wait(loaded)

    def type_keys(self, text: str) -> None:
        """Type into the focused field."""
        self.call("Input.insertText", text=text)

    def press_key(self, key: str) -> None:
        """Press a key, and wait for the page that follows."""
        loaded = self._loaded
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, text="\r", windowsVirtualKeyCode=13)
        self._wait(loaded)

    def _wait(self, loaded: int) -> None:
        while self._loaded == loaded:
            assert not self.violations, self.violations
            self._next()

    def _next(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._socket.recv(timeout=10))
        if message.get("method") == "Page.loadEventFired":
            self._loaded += 1
        if message.get("method") == "Log.entryAdded" and message["params"]["entry"]["source"] == "security":
            self.violations.append(message["params"]["entry"]["text"])
        return message


@contextmanager
def _chromium(profile: Path) -> Iterator[str]:
    """A headless Chromium; the WebSocket URL of its first tab."""
    assert CHROMIUM is not None
    arguments = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0"]
    browser = subprocess.Popen(
        [CHROMIUM, *arguments, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert browser.stderr is not None
        address = next(line for line in browser.stderr if line.startswith("DevTools listening on "))
        port = address.split(":")[2].partition("/")[0]
        tabs = httpx.get(f"http://127.0.0.1:{port}/json/list").json()
        yield next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    finally:
        browser.terminate()
        browser.communicate(timeout=10)


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with _chromium(tmp_path / "profile") as url, connect(url) as socket:
        yield Tab(socket)


def test_a_person_approves_a_device(plane: Plane, nobody: httpx.Client, tab: Tab) -> None:
    flow = device(nobody)

    tab.open(flow["verification_uri"])
    tab.fill("input[name=user_code]", flow["user_code"])
    tab.press("button")
    assert str(tab.evaluate("location.href")).startswith(plane.issuer)
    tab.fill("input[name=login]", ADMIN)
    tab.fill("input[name=password]", "password")
    tab.press("button[type=submit]")

    assert flow["user_code"] in tab.text()
    assert f"You are signed in as {ADMIN} in Acme Corp." in tab.text()
    assert tab.evaluate("getComputedStyle(document.querySelector('button')).color") == "rgb(255, 255, 255)"
    tab.press("button[type=submit]")
    assert "Device approved" in tab.text()
    assert poll(nobody, flow["device_code"]).status_code == 200
    assert tab.violations == []


def test_a_person_mistypes_a_code_and_denies_by_keyboard(nobody: httpx.Client, tab: Tab) -> None:
    flow = device(nobody)
    tab.open(flow["verification_uri"])
    tab.type_keys("AAAA-AAAA")
    tab.press_key("Enter")
    assert "No device waits with this code" in tab.text()
    assert tab.evaluate("document.activeElement.value") == "AAAA-AAAA"
    tab.fill("input[name=user_code]", flow["user_code"].lower())
    tab.press_key("Enter")
    tab.fill("input[name=login]", ADMIN)
    tab.fill("input[name=password]", "password")
    tab.press("button[type=submit]")

    tab.evaluate("document.querySelector('button[value=deny]').focus()")
    tab.press_key("Enter")

    assert "Device denied" in tab.text()
    assert poll(nobody, flow["device_code"]).json()["code"] == "access_denied"
    assert tab.violations == []


def test_a_person_of_another_domain_signs_in_anew(nobody: httpx.Client, tab: Tab) -> None:
    for slug, name in (("acme-corp", "Acme Corp"), ("beta-llc", "Beta LLC")):
        flow = device(nobody, slug)
        tab.open(flow["verification_uri_complete"])
        if slug == "beta-llc":
            assert "another Domain" in tab.text()
            tab.press("main a")
        tab.fill("input[name=login]", ADMIN)
        tab.fill("input[name=password]", "password")
        tab.press("button[type=submit]")
        assert f"in {name}." in tab.text()
    tab.press("button[type=submit]")

    assert poll(nobody, flow["device_code"]).status_code == 200
