"""Sign in like a user in a browser: follow links, submit the identity provider's form, approve a device."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from http.cookiejar import Cookie
from typing import Any, Final
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx

from pytest_plexdev.api.problems import problem_of
from pytest_plexdev.api.transport import new_http_client
from pytest_plexdev.core.http_date import server_time
from pytest_plexdev.core.lookup import nearest
from pytest_plexdev.core.people import PEOPLE, SIGN_IN
from pytest_plexdev.errors import API_UNREACHABLE, PlexdevError
from pytest_plexdev.errors.sign_in import CLOCK_SKEW, SIGN_IN_FAILED, SIGN_IN_PAGE, SIGN_IN_REFUSED
from pytest_plexdev.testkit.html_page import Form, Page

SESSION_COOKIE: Final = "plexsphere_session"
CSRF_COOKIE: Final = "plexsphere_csrf"
MAX_PAGES: Final = 12
"""A sign-in has three pages and their redirects; more pages are a loop."""
SKEW_ALLOWED: Final = 60.0
"""Allowed difference in seconds between the clocks of the issuer and of the verifier of an ID token."""


class Browser:
    """A browser with its own cookies that signs one user in.

    Args:
        api_url: Origin of the control plane.
        user: Name of the user at the identity provider; an e-mail address for Dex.
        password: Password of the user.
        log: The API's log, for errors: its path or the command that prints it.
        http: Its connections and cookies; by default new ones.
    """

    def __init__(self, api_url: str, *, user: str, password: str, log: str, http: httpx.Client | None = None) -> None:
        self._api_url = api_url.rstrip("/")
        self._user = user
        self._password = password
        self._log = log
        self._entered_password = False
        self._clocks: dict[str, float] = {}
        self._http = http or new_http_client(api_url)

    def __repr__(self) -> str:
        return f"Browser({self._api_url!r}, user={self._user!r})"

    def close(self) -> None:
        """Close the connections and discard the cookies."""
        self._http.close()

    def sign_in(self, url: str, *, cookies: Mapping[str, str] | None = None) -> None:
        """Open *url* and follow the sign-in until the control plane has set a session cookie.

        Args:
            url: An authorization URL of an identity provider, or a page of the control plane that leads there.
            cookies: The cookies that the control plane set with the authorization URL. It completes a sign-in only in
                the browser that has them.

        Raises:
            PlexdevError: ``sign-in-refused``: wrong user or password; ``sign-in-page``: an unexpected page;
                ``sign-in-failed``: the control plane refused the sign-in; ``clock-skew``; ``api-unreachable``.
        """
        for name, value in (cookies or {}).items():
            self._http.cookies.set(name, value, domain=_cookie_domain(self._api_url), path="/v1/")
        response = self._get(url)
        for _ in range(MAX_PAGES):
            if self.cookie(SESSION_COOKIE):
                return
            response = self._next(response)
        raise self._unexpected_page(response, f"after {MAX_PAGES} pages there is no session yet")

    def authorize(self, url: str) -> str:
        """Open an authorization URL, follow the sign-in, and return the URL by which it leads back to the client.

        That URL, with its code or error, is not requested.

        Raises:
            PlexdevError: As for :meth:`sign_in`.
        """
        redirect_uri = "".join(parse_qs(urlsplit(url).query).get("redirect_uri", []))
        response = self._get(url)
        for _ in range(MAX_PAGES):
            target: str = urljoin(str(response.url), response.headers.get("location", ""))
            if response.has_redirect_location and _is_below(target, redirect_uri):
                return target
            response = self._next(response)
        raise self._unexpected_page(response, f"after {MAX_PAGES} pages it did not lead back to {redirect_uri}")

    def approve(self, user_code: str) -> None:
        """Approve a device code as the signed-in user.

        Raises:
            ProblemError: ``device_code_not_found``, ``device_code_expired``, ``device_code_already_approved``, or a
                CSRF error.
        """
        headers = {
            "Accept": "application/json",
            "Origin": origin_of(self._api_url),
            "X-Plexsphere-CSRF": self.cookie(CSRF_COOKIE),
        }
        url = f"{self._api_url}/v1/auth/device/approve"
        response = self._send("POST", url, json={"user_code": user_code}, headers=headers)
        if not response.is_success:
            raise problem_of(response)

    @property
    def cookies(self) -> list[Cookie]:
        """The cookies of the control plane."""
        domain = _cookie_domain(self._api_url)
        return [cookie for cookie in self._http.cookies.jar if cookie.domain == domain]

    def cookie(self, name: str) -> str:
        """Return the value of a cookie; empty if it is not set."""
        values = [cookie.value for cookie in self._http.cookies.jar if cookie.name == name]
        return values[-1] or "" if values else ""

    def _get(self, url: str) -> httpx.Response:
        return self._send("GET", url, headers={"Accept": "text/html"})

    def _send(self, method: str, url: str, **request: Any) -> httpx.Response:
        try:
            response = self._http.request(method, url, **request)
        except httpx.TransportError as error:
            address = _without_query(httpx.URL(url))
            raise PlexdevError(API_UNREACHABLE, method=method, url=address, reason=error) from error
        if (moment := server_time(response.headers)) is not None:
            self._clocks[origin_of(url)] = moment
        return response

    def _next(self, response: httpx.Response) -> httpx.Response:
        if response.has_redirect_location:
            return self._follow(urljoin(str(response.url), response.headers["location"]))
        page = Page(response.text)
        # Dex shows its login page again after a wrong password, with status 200 or 401 depending on its version.
        if page.error and self._entered_password:
            url = _without_query(response.url)
            meant = _suggestion(self._user)
            raise PlexdevError(
                SIGN_IN_REFUSED, user=self._user, url=url, reason=page.error, meant=meant, people=SIGN_IN
            )
        if response.status_code >= 400:
            raise self._unexpected_page(response, page.text[:200] or "the page is empty")
        if page.forms:
            return self._submit(page.forms[0], response)
        sign_in_link = next((link for link in page.links if "sign-in" in link or "/auth" in link), None)
        if sign_in_link is None:
            raise self._unexpected_page(response, "the page has no form and no link to sign in")
        return self._get(urljoin(str(response.url), sign_in_link))

    def _follow(self, url: str) -> httpx.Response:
        query = parse_qs(urlsplit(url).query)
        if "auth_error_kind" in query:
            raise self._refused_by_control_plane(" ".join(query.get("auth_error_detail", query["auth_error_kind"])))
        return self._get(url)

    def _submit(self, form: Form, response: httpx.Response) -> httpx.Response:
        fields = dict(form.fields)
        if "password" in form.inputs:
            self._entered_password = True
            fields |= {"login": self._user, "password": self._password}
        action = urljoin(str(response.url), form.action)
        headers = {"Accept": "text/html", "Origin": origin_of(str(response.url))}
        if form.method == "get":
            return self._send("GET", action, params=fields, headers=headers)
        return self._send("POST", action, data=fields, headers=headers)

    def _refused_by_control_plane(self, reason: str) -> PlexdevError:
        skew = max(self._clocks.values(), default=0.0) - min(self._clocks.values(), default=0.0)
        is_about_time = re.search(r"expired|not yet valid|issued in the future|\b(iat|exp|nbf)\b", reason)
        if skew > SKEW_ALLOWED or is_about_time:
            clocks = ", ".join(
                f"{origin} has {datetime.fromtimestamp(moment, UTC):%Y-%m-%dT%H:%M:%SZ}"
                for origin, moment in sorted(self._clocks.items())
            )
            return PlexdevError(CLOCK_SKEW, clocks=clocks, reason=reason)
        return PlexdevError(SIGN_IN_FAILED, user=self._user, reason=reason, log=self._log)

    def _unexpected_page(self, response: httpx.Response, reason: str) -> PlexdevError:
        return PlexdevError(
            SIGN_IN_PAGE,
            user=self._user,
            url=_without_query(response.url),
            status=response.status_code,
            reason=reason,
        )


def _suggestion(user: str) -> str:
    """A question that suggests the user of the dev stack with the most similar name; empty if *user* exists."""
    if user in PEOPLE:
        return ""
    # Without the domain, which is the same for all of them.
    by_name = {known.partition("@")[0]: known for known in PEOPLE}
    found = nearest(user.partition("@")[0], by_name)
    return f"did you mean {by_name[found]}? " if found is not None else ""


def origin_of(url: str) -> str:
    """Return scheme, host and port of *url*."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _is_below(url: str, redirect_uri: str) -> bool:
    """Whether *url* is *redirect_uri* with further parameters."""
    return url.partition("?")[0] == redirect_uri.partition("?")[0]


def _cookie_domain(url: str) -> str:
    host = urlsplit(url).hostname or ""
    # http.cookiejar adds ".local" to a host name without a dot.
    return host if "." in host else f"{host}.local"


def _without_query(url: httpx.URL) -> httpx.URL:
    # The query of a sign-in contains its state and its code.
    return url.copy_with(query=None)
