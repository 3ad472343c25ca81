"""The device page in a real browser without scripts, which applies its own form policies and `Origin`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.support.browsing import ADMIN, device, poll
from tests.support.chromium import CHROMIUM, Tab, open_tab
from tests.support.control_plane import Plane

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")


@pytest.fixture
def tab(tmp_path: Path) -> Iterator[Tab]:
    with open_tab(tmp_path / "profile") as tab:
        yield tab


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
    tab.wait_for_focus()
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
