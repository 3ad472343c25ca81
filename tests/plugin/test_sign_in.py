"""A sign-in on unexpected pages, over real HTTP."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from pytest_plexdev.core.deployment import deploy_directory
from pytest_plexdev.core.people import PEOPLE, SIGN_IN
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.testkit.browser import MAX_PAGES, SESSION_COOKIE, Browser

Answer = tuple[int, dict[str, str], str]
Serve = Callable[[dict[str, Answer]], str]

LOGIN = '<form method="post" action="/login"><input name="login"><input name="password" type="password"></form>'


class Site(BaseHTTPRequestHandler):
    pages: dict[str, Answer]
    date: str | None = None

    def do_GET(self) -> None:
        status, headers, body = self.pages[self.path.partition("?")[0]]
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body.encode())

    do_POST = do_GET  # noqa: N815 - the name that http.server calls

    def date_time_string(self, timestamp: float | None = None) -> str:
        return self.date or super().date_time_string(timestamp)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def serve() -> Iterator[Callable[..., str]]:
    servers: list[ThreadingHTTPServer] = []

    def start(pages: dict[str, Answer], *, date: str | None = None) -> str:
        handler = type("Handler", (Site,), {"pages": pages, "date": date})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def sign_in(api: str, url: str, *, user: str = "admin@example.com") -> str:
    browser = Browser(api, user=user, password="secret-word", log="the log")
    try:
        browser.sign_in(url)
        return browser.cookie(SESSION_COOKIE)
    finally:
        browser.close()


def test_login_approval_and_callback(serve: Serve) -> None:
    approval = '<form method="post" action="/approved"><input type="hidden" name="approval" value="approve"></form>'
    session = {"Set-Cookie": f"{SESSION_COOKIE}=s1; Path=/v1/; HttpOnly", "Location": "/"}
    site = serve(
        {
            "/start": (302, {"Location": "/form"}, ""),
            "/form": (200, {}, LOGIN),
            "/login": (303, {"Location": "/approval"}, ""),
            "/approval": (200, {}, approval),
            "/approved": (303, {"Location": "/v1/auth/callback?code=c&state=s"}, ""),
            "/v1/auth/callback": (303, session, ""),
        }
    )

    assert sign_in(site, f"{site}/start") == "s1"


def test_clocks_that_are_apart_are_named(serve: Callable[..., str]) -> None:
    refused = "/?auth_error_kind=id_token&auth_error_status=400&auth_error_detail=id_token+has+expired"
    api = serve({"/v1/auth/callback": (303, {"Location": refused}, "")})
    idp = serve({"/auth": (303, {"Location": f"{api}/v1/auth/callback"}, "")}, date="Mon, 01 Jan 2024 10:00:00 GMT")
    with pytest.raises(PlexdevError) as skew:
        sign_in(api, f"{idp}/auth")

    assert skew.value.tag == "clock-skew"
    assert f"{idp} has 2024-01-01T10:00:00Z" in str(skew.value)
    assert f"{api} has 20" in str(skew.value)
    assert "id_token has expired" in str(skew.value)


def test_another_callback_error_is_not_blamed_on_a_clock(serve: Serve) -> None:
    refused = "/?auth_error_kind=x&auth_error_status=500&auth_error_detail=secret+unavailable"
    api = serve({"/v1/auth/callback": (303, {"Location": refused}, "")})
    with pytest.raises(PlexdevError, match=r"plexdev\[sign-in-failed\].*secret unavailable"):
        sign_in(api, f"{api}/v1/auth/callback")


@pytest.mark.parametrize("status", [200, 401])
def test_a_refused_password(serve: Serve, status: int) -> None:
    refused = LOGIN + '<div id="login-error">Invalid Email Address and password.</div>'
    site = serve({"/form": (200, {}, LOGIN), "/login": (status, {}, refused)})
    with pytest.raises(PlexdevError) as refusal:
        sign_in(site, f"{site}/form")

    assert refusal.value.tag == "sign-in-refused"
    assert "Invalid Email Address and password." in str(refusal.value)
    assert "secret-word" not in str(refusal.value)


@pytest.mark.parametrize(
    ("user", "meant"),
    [
        ("admin@example.com", None),
        ("admni@example.com", "admin@example.com"),
        ("Member", "member@example.com"),
        ("member@example.org", "member@example.com"),
        ("bob@example.com", None),
    ],
)
def test_an_unknown_user_names_the_nearest_known_one(serve: Serve, user: str, meant: str | None) -> None:
    site = serve({"/form": (200, {}, LOGIN), "/login": (401, {}, '<p id="login-error">Invalid.</p>')})
    with pytest.raises(PlexdevError) as refusal:
        sign_in(site, f"{site}/form", user=user)

    first = f"did you mean {meant}? the dev stack has {SIGN_IN}" if meant else f"the dev stack has {SIGN_IN}"
    assert refusal.value.fix.startswith(first)


def test_the_people_who_are_known_are_those_of_the_stacks() -> None:
    dex = yaml.safe_load((deploy_directory() / "base" / "dex" / "config.yaml").read_text())
    config = yaml.safe_load(dex["data"]["config.yaml"])

    assert [each["email"] for each in config["staticPasswords"]] == list(PEOPLE)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        ((200, {}, "<style>p {}</style><p>Hello</p>"), "the page has no form and no link to sign in"),
        ((404, {}, "<style>p {}</style><h1>No such client</h1>"), "why: No such client"),
        ((500, {}, ""), "why: the page is empty"),
        ((302, {"Location": "/page"}, ""), f"after {MAX_PAGES} pages there is no session yet"),
    ],
)
def test_pages_that_lead_nowhere(serve: Serve, page: Answer, reason: str) -> None:
    site = serve({"/page": page})
    with pytest.raises(PlexdevError) as stuck:
        sign_in(site, f"{site}/page?state=private")

    assert stuck.value.tag == "sign-in-page"
    assert reason in str(stuck.value)
    assert "private" not in str(stuck.value)


def test_nobody_there() -> None:
    with pytest.raises(PlexdevError, match=r"plexdev\[api-unreachable\]: GET http://127.0.0.1:9/x got no answer"):
        sign_in("http://127.0.0.1:9", "http://127.0.0.1:9/x?state=private")
