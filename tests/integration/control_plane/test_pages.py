"""The plane's own pages: their frame, the list of operations, and the device page's answers to a wrong code."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import httpx
import pytest

from plexsphere_reference.http.app import operations
from plexsphere_reference.http.unimplemented import unbuilt
from tests.support.browsing import Browser, device, poll, problem
from tests.support.control_plane import DOMAINS, Plane

PATHS = (
    "/",
    "/v1/docs",
    "/v1/device",
    "/?auth_error_kind=access_denied&auth_error_detail=no",
    "/v1/device?user_code=x",
)


class Outline(HTMLParser):
    """What a screen reader goes by."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, *names: str) -> list[dict[str, str | None]]:
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.mark.parametrize("path", PATHS)
def test_the_pages_link_to_each_other_in_one_style(nobody: httpx.Client, path: str) -> None:
    response = nobody.get(path)
    outline = Outline(response.text)

    links = [each["href"] for each in outline.all("a")]
    assert {"/", "/v1/docs", "/v1/device", "#main"} <= set(links)
    here = [each["href"] for each in outline.all("a") if each.get("aria-current") == "page"]
    assert here == [path.partition("?")[0]]
    assert len(outline.all("h1")) == len(outline.all("main")) == 1
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in links if link and link.startswith("#")} <= set(ids)
    assert "default-src 'none'; style-src 'sha256-" in response.headers["content-security-policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", response.text)
    assert style == re.findall(r"<style>(.*?)</style>", nobody.get("/").text)[0]
    assert "url(" not in style


def test_the_links_of_the_first_page_lead_somewhere(nobody: httpx.Client) -> None:
    links = [str(each["href"]) for each in Outline(nobody.get("/").text).all("a")]

    assert {link: nobody.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_other_paths_beside_the_first_page_are_still_problems(nobody: httpx.Client) -> None:
    for path in ("/index.html", "/v1", "/v1/", "/v1/docs/", "/v1/unknown"):
        assert problem(nobody.get(path)) == (404, "not_found")


def test_docs_list_every_operation_of_the_contract(nobody: httpx.Client) -> None:
    text = nobody.get("/v1/docs").text
    built = [each for each in operations() if each.path.startswith("/v1/") and each.path != "/v1/device"]

    rows = re.findall(r'<tr><td class="method">(\w+)</td> <td class="path">(.*?)</td><td>(.*?)</td>(.*?)</tr>', text)
    found = {(method, re.sub("<.*?>", "", path)): re.sub("<.*?>", "", answer) for method, path, _, answer in rows}
    listed = [*((each.method, each.path) for each in built), *((each.method, each.path) for each in unbuilt())]
    assert found.keys() == set(listed)
    assert {found[each.method, each.path] for each in unbuilt()} == {"501: not built"}
    assert found["GET", "/v1/domains"] == "built"
    assert found["GET", "/v1/domains/{}/capacity"] == "501: not built"
    answering = sum(answer == "built" for answer in found.values())
    assert f"{len(found)} operations in " in text
    assert f"{answering} of them answer; the other {len(found) - answering} answer 501." in text


# ---- a wrong code ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "status", "message"),
    [
        ("abc", 400, "That is not a code; "),
        ("AAAA-AAAA", 404, "No device waits with this code (device_code_not_found)"),
        (" aaaa aaab", 400, "That is not a code; "),
    ],
)
def test_a_wrong_code_asks_again(browser: Browser, typed: str, status: int, message: str) -> None:
    browser.sign_in()
    response = browser.get("/v1/device", params={"user_code": typed})

    assert response.status_code == status
    outline = Outline(response.text)
    (field,) = outline.all("input")
    assert field["value"] == typed
    assert (field["aria-invalid"], field["aria-describedby"]) == ("true", "problem hint")
    (label,) = outline.all("label")
    assert label["for"] == field["id"]
    (alert,) = re.findall(r'<p class="warning" role="alert" id="problem">(.*?)</p>', response.text)
    assert message in alert


def test_what_was_typed_is_escaped_and_short(nobody: httpx.Client) -> None:
    page = nobody.get("/v1/device", params={"user_code": '"><img src=x>' + "y" * 1000})

    assert "<img" not in page.text
    assert "y" * 40 not in page.text


# ---- denying --------------------------------------------------------------------------


def test_a_person_denies_a_device(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])
    buttons = [(each["name"], each["value"]) for each in Outline(page.text).all("button")]
    assert buttons == [("decision", "approve"), ("decision", "deny")]

    done = browser.submit(page, decision="deny")

    assert done.status_code == 303
    assert "Device denied" in browser.get(done.headers["location"]).text
    assert problem(poll(nobody, flow["device_code"])) == (400, "access_denied")
    assert problem(poll(nobody, flow["device_code"])) == (400, "access_denied")
    rows = plane.sql(
        "SELECT relation FROM plexsphere.audit_entries WHERE chain_id = %s ORDER BY seq DESC LIMIT 1",
        DOMAINS["acme-corp"],
    )
    assert rows == [("auth.device.deny",)]


def test_a_denied_device_is_not_approved_any_more(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])
    browser.submit(page, decision="deny")

    again = browser.submit(page)
    approval = browser.post("/v1/auth/device/approve", json={"user_code": flow["user_code"]}, headers=browser.csrf())

    assert again.status_code == 409
    assert "This device was denied" in again.text
    assert problem(approval) == (409, "device_code_expired")
    assert problem(poll(nobody, flow["device_code"])) == (400, "access_denied")


def test_an_approved_device_is_not_denied_any_more(nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])
    browser.submit(page)

    assert browser.submit(page, decision="deny").status_code == 409
    assert poll(nobody, flow["device_code"]).status_code == 200


@pytest.mark.parametrize("decision", ["", "Deny", "approve deny"])
def test_a_form_without_a_decision_decides_nothing(nobody: httpx.Client, browser: Browser, decision: str) -> None:
    flow = device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])

    assert browser.submit(page, decision=decision).status_code == 400
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")


def test_denying_is_as_strict_as_approving(plane: Plane, nobody: httpx.Client, browser: Browser) -> None:
    flow = device(nobody)
    browser.sign_in()
    page = browser.get(flow["verification_uri_complete"])

    with Browser(plane) as stranger:
        assert stranger.submit(page, decision="deny").status_code == 401
        stranger.sign_in()
        assert stranger.submit(page, decision="deny").status_code == 403
    assert browser.submit(page, decision="deny", csrf_token="x").status_code == 403
    assert problem(poll(nobody, flow["device_code"])) == (400, "authorization_pending")
