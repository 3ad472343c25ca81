"""Sign in as a browser, and hand its cookies to another one: the ``storage_state`` of Playwright."""

from __future__ import annotations

from http.cookiejar import Cookie
from typing import Any, Literal, TypedDict, cast

from pytest_plexdev.api import Client
from pytest_plexdev.core.people import PASSWORD
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.login import SignInTarget
from pytest_plexdev.testkit.tenancy import Tenants


class BrowserCookie(TypedDict, total=False):
    """A cookie as Playwright and the DevTools protocol describe it; ``expires`` is Unix time in seconds, or -1.

    Example::

        def test_the_session_is_hidden_from_scripts(plexdev_browser_state):
            cookies = {each["name"]: each for each in plexdev_browser_state("acme-corp")["cookies"]}
            assert cookies["plexsphere_session"]["httpOnly"]
    """

    name: str
    value: str
    domain: str
    path: str
    expires: float
    httpOnly: bool
    secure: bool
    sameSite: Literal["Lax", "None", "Strict"]


class BrowserState(TypedDict, total=False):
    """The ``storage_state`` of a browser context: the cookies of one who is signed in.

    Example::

        def test_a_state_has_a_session(plexdev_browser_state):
            state = plexdev_browser_state("beta-llc")
            assert "plexsphere_session" in [each["name"] for each in state["cookies"]]
    """

    cookies: list[BrowserCookie]
    origins: list[Any]


class BrowserStates:
    """Signs people in to the control plane as browsers, each time anew.

    Args:
        client: The API without credentials.
        tenants: The seeded tenants.
        log: The API's log, for errors: its path or the command that prints it.

    Example::

        def test_each_browser_has_a_session_of_its_own(plexdev_browser_state):
            one, other = plexdev_browser_state("acme-corp"), plexdev_browser_state("acme-corp")
            assert one["cookies"] != other["cookies"]
    """

    def __init__(self, client: Client, tenants: Tenants, *, log: str) -> None:
        self._client = client
        self._tenants = tenants
        self._log = log

    def __call__(
        self, tenant: SignInTarget | str, *, user: str | None = None, password: str = PASSWORD
    ) -> BrowserState:
        """Sign *user* in to *tenant* and return the cookies.

        Args:
            tenant: A tenant, or the slug of a seeded one.
            user: Name of the user at the identity provider; by default the tenant's admin.
            password: Password of the user.

        Returns:
            What ``browser.new_context(storage_state=...)`` of Playwright accepts.

        Raises:
            PlexdevError: ``unknown-name``: no seeded Domain has that slug; ``sign-in-refused``, ``sign-in-failed``,
                ``sign-in-page``, ``clock-skew``, ``api-unreachable``.
        """
        target = self._tenants[tenant] if isinstance(tenant, str) else tenant
        transport = self._client.transport
        browser = Browser(transport.base_url, user=user or target.admin, password=password, log=self._log)
        try:
            start = self._client.auth.sign_in(domain_id=target.domain_id, idp_binding_id=target.binding_id)
            browser.sign_in(start.authorization_url, cookies=start.cookies)
            cookies = [_of_playwright(each) for each in browser.cookies]
        finally:
            browser.close()
        transport.exchanges.add_secrets([password, *(each["value"] for each in cookies)])
        return BrowserState(cookies=cookies, origins=[])

    def __repr__(self) -> str:
        return f"BrowserStates({self._client.transport.base_url!r})"


def _of_playwright(cookie: Cookie) -> BrowserCookie:
    # http.cookiejar keeps the attributes that it does not know, in the case in which they were sent.
    further = {name.lower(): value for name, value in cast("dict[str, str | None]", vars(cookie)["_rest"]).items()}
    site = (further.get("samesite") or "Lax").capitalize()
    return BrowserCookie(
        name=cookie.name,
        value=cookie.value or "",
        domain=cookie.domain.removesuffix(".local"),
        path=cookie.path,
        expires=-1 if cookie.expires is None else cookie.expires,
        httpOnly="httponly" in further,
        secure=cookie.secure,
        sameSite=cast('Literal["Lax", "None", "Strict"]', site),
    )
