"""``plexdev_browser_state`` and ``base_url`` on a running stack, in Chromium by Playwright."""

from __future__ import annotations

import importlib.util
import shutil

import pytest

from pytest_plexdev.core.model import StackInfo

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
STATES = """
import httpx
import pytest
from pytest_plexdev import BrowserState, PlexdevError

def whoami(stack, state):
    cookies = {each["name"]: each["value"] for each in state["cookies"]}
    return httpx.get(f"{stack.api_url}/v1/auth/whoami", cookies=cookies).json()

def test_each_is_signed_in_as_asked(plexdev_browser_state, plexdev_stack, plexdev_tenants, plexdev_tenant):
    beta = plexdev_tenants["beta-llc"]
    assert whoami(plexdev_stack, plexdev_browser_state("beta-llc"))["domain_id"] == beta.domain_id
    assert whoami(plexdev_stack, plexdev_browser_state(plexdev_tenant))["domain_id"] == plexdev_tenant.domain_id
    member = plexdev_browser_state("acme-corp", user="member@example.com")
    assert whoami(plexdev_stack, member)["email"] == "member@example.com"

def test_the_cookies_of_a_session(plexdev_browser_state):
    state: BrowserState = plexdev_browser_state("acme-corp")
    assert state["origins"] == []
    by_name = {each["name"]: each for each in state["cookies"]}
    session, csrf = by_name["plexsphere_session"], by_name["plexsphere_csrf"]
    assert session.pop("value") and csrf.pop("value")
    expires = session.pop("expires"), csrf.pop("expires")
    assert all(each > 1_700_000_000 for each in expires)
    same = {"domain": "localhost", "secure": False, "sameSite": "Strict"}
    assert session == {"name": "plexsphere_session", "path": "/v1/", "httpOnly": True, **same}
    assert csrf == {"name": "plexsphere_csrf", "path": "/", "httpOnly": False, **same}

def test_a_misspelt_slug(plexdev_browser_state):
    with pytest.raises(PlexdevError, match="did you mean beta-llc?"):
        plexdev_browser_state("beta-lcc")

def test_a_wrong_password(plexdev_browser_state):
    with pytest.raises(PlexdevError, match="sign-in-refused"):
        plexdev_browser_state("acme-corp", password="wrong")
"""
FAILS = """
def test_fails(plexdev_browser_state):
    state = plexdev_browser_state("acme-corp")
    by_name = {each["name"]: each["value"] for each in state["cookies"]}
    print("printed", by_name["plexsphere_session"], by_name["plexsphere_csrf"])
    assert False
"""
BROWSER = """
import pytest
from playwright.sync_api import sync_playwright

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync"]

@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="CHROMIUM", args=FLAGS)
        yield browser
        browser.close()

@pytest.fixture
def page(browser, base_url, plexdev_browser_state):
    state = plexdev_browser_state("acme-corp", user="member@example.com")
    with browser.new_context(base_url=base_url, storage_state=state) as context:
        yield context.new_page()
"""
IN_A_BROWSER = """
def test_a_signed_in_person_approves_a_device(page, plexdev_stack, plexdev_tenants):
    acme = plexdev_tenants["acme-corp"]
    auth = plexdev_stack.anonymous.auth
    device = auth.device_code(domain_id=acme.domain_id, idp_binding_id=acme.binding_id)
    page.goto(f"/v1/device?user_code={device.user_code}")
    assert "You are signed in as member@example.com in Acme Corp." in page.inner_text("main")
    page.get_by_role("button", name="Approve").click()
    assert "Device approved" in page.inner_text("main")
    assert auth.device_token(device.device_code).access_token
"""


def test_a_browser_is_signed_in_as_whom_the_test_asks(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_states=STATES)

    result = project.runpytest_subprocess("--dev-stack", "test_states.py")
    result.assert_outcomes(passed=4)


def test_the_cookies_are_masked(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_fails=FAILS)
    result = project.runpytest_subprocess("--dev-stack", "test_fails.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["printed [*][*][*] [*][*][*]"])


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed")
@pytest.mark.skipif(importlib.util.find_spec("playwright") is None, reason="no Playwright is installed")
def test_playwright_opens_the_stack_signed_in(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makeconftest(BROWSER.replace("CHROMIUM", str(CHROMIUM)))
    project.makepyfile(test_browser=IN_A_BROWSER)

    result = project.runpytest_subprocess("--dev-stack", "test_browser.py")
    result.assert_outcomes(passed=1)
