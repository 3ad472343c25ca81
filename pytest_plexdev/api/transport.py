"""Send requests to ``/v1`` and decode the answers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, TypeVar

import httpx
import msgspec

from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.api.loopback import LoopbackTransport
from pytest_plexdev.api.problems import hides_its_frames, problem_of
from pytest_plexdev.api.request_body import encode_body
from pytest_plexdev.api.tls import ssl_context
from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.untrusted_json import decode_as
from pytest_plexdev.errors import API_GIBBERISH, API_UNREACHABLE, PlexdevError

__tracebackhide__ = hides_its_frames

Answer = TypeVar("Answer")
Item = TypeVar("Item")
Parameters = Mapping[str, str | int | None]

TIMEOUT: Final = httpx.Timeout(30.0, connect=5.0)
"""In seconds. No request on ``/v1`` takes long, and a silent server should fail before the test's own timeout."""
HARNESS: Final = "pytest-plexdev"
"""The beginning of :func:`user_agent`."""
_NO_COOKIES: Final = DefaultCookiePolicy(allowed_domains=())
"""Keeps no cookie: the principals of one API share its connections, and a cookie signs in a principal."""
DYING: Final = 0.3
"""Seconds until a server whose connections were reset can be seen as dead: the kernel closes them before it is."""


class Page(msgspec.Struct, frozen=True):
    """One page of a list. On the last one, ``next_cursor`` is absent or empty."""

    items: list[msgspec.Raw]
    next_cursor: str | None = None


class Transport:
    """Sends requests to one API as one principal.

    Args:
        base_url: The origin of the API.
        token: The bearer token; ``None`` for anonymous requests.
        exchanges: Records the exchanges.
        explain: Called if no answer came, or one of status 5xx. It returns a better error, or ``None``. Its argument is
            its time limit in seconds.
        http: The connection pool; by default a new one.
    """

    def __init__(
        self,
        base_url: str,
        *,
        token: str | None = None,
        exchanges: ExchangeLog | None = None,
        explain: Callable[[float], Exception | None] = lambda _: None,
        http: httpx.Client | None = None,
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.exchanges = exchanges if exchanges is not None else ExchangeLog()
        self.token = token
        if token is not None:
            self.exchanges.add_secrets([token])
        self._explain = explain
        self._http = http or new_http_client(base_url, cookies=CookieJar(_NO_COOKIES))

    def as_principal(self, token: str | None) -> Transport:
        """The same API over the same connections, as another principal."""
        return Transport(self.base_url, token=token, exchanges=self.exchanges, explain=self._explain, http=self._http)

    def close(self) -> None:
        """Close the connections, which are shared with all transports from :meth:`as_principal`."""
        self._http.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """Send a request and return the answer with any status.

        Args:
            body: A :class:`~pytest_plexdev.api.request_body.GzipBody`, or what is encoded as JSON.

        Raises:
            PlexdevError: ``api-unreachable``, or a better explanation why no answer came.
        """
        content, sent, described = encode_body(body)
        request = self._http.build_request(
            method,
            self.base_url + path,
            content=sent or None,
            params={name: value for name, value in (parameters or {}).items() if value is not None},
            headers={**self._headers(), **described, **(headers or {})},
        )
        began = unix_time()
        response: httpx.Response | None = None
        try:
            response = self._http.send(request)
        except httpx.TransportError as error:
            raise self._unreachable(request, error) from error
        finally:
            self.exchanges.record(request, response, body=content, began=began)
        return response

    def request(
        self,
        method: str,
        path: str,
        expect: type[Answer],
        *,
        body: object = None,
        parameters: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and decode its answer.

        Raises:
            ProblemError: The API refused the request.
            PlexdevError: No answer came, or ``api-gibberish``: its body is not an *expect*.
        """
        response = self.send(method, path, body=body, parameters=parameters, headers=headers)
        self._raise_for(response)
        return decode(response, expect)

    def request_with_cookies(
        self, method: str, path: str, expect: type[Answer], *, body: object = None
    ) -> tuple[Answer, dict[str, str]]:
        """Like :meth:`request`, but also return the answer's cookies by name."""
        response = self.send(method, path, body=body)
        self._raise_for(response)
        cookies = dict(response.cookies)
        self.exchanges.add_secrets(cookies.values())
        return decode(response, expect), cookies

    def run(self, method: str, path: str, *, parameters: Parameters | None = None) -> None:
        """Send a request whose answer has no body.

        Raises:
            ProblemError: The API refused the request.
            PlexdevError: No answer came.
        """
        self._raise_for(self.send(method, path, parameters=parameters))

    def binary(self, method: str, path: str, *, parameters: Parameters | None = None) -> httpx.Response:
        """Send a request whose answer is bytes, and return the answer.

        Raises:
            ProblemError: The API refused the request.
            PlexdevError: No answer came.
        """
        response = self.send(method, path, parameters=parameters, headers={"Accept": "application/octet-stream"})
        self._raise_for(response)
        return response

    def pages(self, path: str, expect: type[Item], *, parameters: Parameters | None = None) -> Iterator[Item]:
        """Iterate over a list. Each page is requested when the caller reaches it."""
        cursor: str | None = None
        while True:
            page = self.request("GET", path, Page, parameters={**(parameters or {}), "cursor": cursor})
            for item in page.items:
                yield decode_as(item, expect)
            if not page.next_cursor:
                return
            cursor = page.next_cursor

    def __repr__(self) -> str:
        kind = "" if self.token is None else f"{self.token.partition('_')[0]}_" * ("_" in self.token[:4])
        principal = "anonymous" if self.token is None else f"{kind}***"
        return f"Transport({self.base_url!r}, as {principal})"

    def _headers(self) -> dict[str, str]:
        headers = {"Accept": "application/json"}
        if self.token is not None:
            headers["Authorization"] = f"Bearer {self.token}"
        return headers

    def _raise_for(self, response: httpx.Response) -> None:
        if response.is_success:
            return
        problem = problem_of(response)
        better = self._explain(0.0) if response.is_server_error else None
        if better is not None:
            raise better from problem
        raise problem

    def _unreachable(self, request: httpx.Request, error: httpx.TransportError) -> Exception:
        return self._explain(DYING) or PlexdevError(
            API_UNREACHABLE, method=request.method, url=request.url, reason=str(error) or type(error).__name__
        )


def decode(response: httpx.Response, expect: type[Answer]) -> Answer:
    """Decode the body of *response*. Unknown members are ignored.

    Raises:
        PlexdevError: ``api-gibberish``: the body is not an *expect*.
    """
    try:
        return decode_as(response.content, expect)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise PlexdevError(
            API_GIBBERISH,
            method=response.request.method,
            url=response.request.url.copy_with(query=None),
            status=response.status_code,
            reason=error,
        ) from error


def new_http_client(base_url: str, *, cookies: CookieJar | None = None) -> httpx.Client:
    """Create a connection pool that ignores the environment and needs no resolver for ``localhost``.

    Args:
        cookies: Keeps the cookies of answers; by default a new jar.
    """
    transport = LoopbackTransport(verify=ssl_context(base_url), trust_env=False)
    headers = {"User-Agent": user_agent()}
    return httpx.Client(transport=transport, timeout=TIMEOUT, trust_env=False, headers=headers, cookies=cookies)


def user_agent() -> str:
    """Return by what name the API's log knows requests of this process."""
    return f"{HARNESS} (pid {os.getpid()})"


def body_of(**members: Any) -> dict[str, Any]:
    """Build a request body from *members*, without those that are ``None``."""
    return {name: value for name, value in members.items() if value is not None}
