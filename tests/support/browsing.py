"""Use the control plane like a user in a browser: cookies, the identity provider's form, the device page."""

from __future__ import annotations

import re
from typing import Self
from urllib.parse import urljoin, urlsplit

import httpx

from tests.support.contract import check_contract
from tests.support.control_plane import DOMAINS, Plane

ADMIN = "admin@example.com"
MEMBER = "member@example.com"
CSRF = "plexsphere_csrf"
SESSION = "plexsphere_session"


class Browser(httpx.Client):
    """Create a client with its own cookies that prefers HTML and follows no redirects."""

    def __init__(self, plane: Plane) -> None:
        super().__init__(
            base_url=plane.url,
            headers={"Accept": "text/html"},
            timeout=10,
            event_hooks={"response": [check_contract]},
        )
        self.plane = plane

    def __enter__(self) -> Self:
        super().__enter__()
        return self

    def sign_in(self, slug: str = "acme-corp", email: str = ADMIN, **body: str) -> httpx.Response:
        """Sign in to a tenant and return the callback's answer."""
        return self.at_idp(self.start(slug, **body)["authorization_url"], email)

    def start(self, slug: str = "acme-corp", **body: str) -> dict[str, str]:
        response = self.post("/v1/auth/sign-in", json={"domain_id": DOMAINS[slug], **body})
        assert response.status_code == 200, response.text
        answer: dict[str, str] = response.json()
        return answer

    def at_idp(self, authorization_url: str, email: str = ADMIN) -> httpx.Response:
        """Submit the form and return the callback's answer."""
        return self.get(self.callback_url(authorization_url, email))

    def callback_url(self, authorization_url: str, email: str = ADMIN) -> str:
        """Sign in at the identity provider and stop before the callback."""
        page = self.get(authorization_url, follow_redirects=True)
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        assert action is not None, page.text
        url = urljoin(str(page.url), action[1].replace("&amp;", "&"))
        response = self.post(url, data={"login": email, "password": "password"})
        while "/v1/auth/callback" not in response.headers["location"]:
            response = self.get(urljoin(str(response.url), response.headers["location"]))
        return response.headers["location"]

    def cookie(self, name: str) -> str | None:
        return next((each.value for each in self.cookies.jar if each.name == name), None)

    def csrf(self, **headers: str) -> dict[str, str]:
        """The headers that a page of the public origin sends with a write."""
        return {"X-Plexsphere-CSRF": self.cookie(CSRF) or "", "Origin": self.plane.url, **headers}

    def submit(self, page: httpx.Response, **changed: str) -> httpx.Response:
        """Press a button of the page's only form, by default the first."""
        form = re.search(r'<form method="post" action="([^"]*)">(.*)</form>', page.text)
        assert form is not None, page.text
        fields = dict(re.findall(r'<input type="hidden" name="([^"]*)" value="([^"]*)">', form[2]))
        button = re.search(r'<button type="submit" name="([^"]*)" value="([^"]*)">', form[2])
        pressed = {button[1]: button[2]} if button else {}
        return self.post(form[1], data={**fields, **pressed, **changed}, headers={"Origin": self.plane.url})


def device(client: httpx.Client, slug: str = "acme-corp", **body: str) -> dict[str, str]:
    """Start a device-code flow as a device does."""
    response = client.post("/v1/auth/device-code", json={"domain_id": DOMAINS[slug], **body})
    assert response.status_code == 200, response.text
    answer: dict[str, str] = response.json()
    return answer


def poll(client: httpx.Client, device_code: str, **body: str) -> httpx.Response:
    return client.post("/v1/auth/device-token", json={"device_code": device_code, **body})


def problem(response: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal."""
    assert response.headers["content-type"] == "application/problem+json", response.text
    return response.status_code, response.json()["code"]


def relative(location: str) -> str:
    """A location without its origin."""
    parts = urlsplit(location)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path
