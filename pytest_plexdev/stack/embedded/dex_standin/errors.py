"""Error responses in Dex's formats: an HTML page, a redirect to the client, JSON of the token endpoint."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from pytest_plexdev.stack.embedded.dex_standin import pages
from pytest_plexdev.stack.embedded.dex_standin.forms import encode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

_log = logging.getLogger(__name__)


class Refusal(Exception):
    """Base class of the errors that end a request; :meth:`response` renders one."""

    def response(self) -> Response:
        raise NotImplementedError


class PageRefusal(Refusal):
    """An error shown to the user as a page, because the client or its redirect URI is not trusted."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(f"{status} {message}")
        self.status = status
        self.message = message

    def response(self) -> Response:
        return HTMLResponse(pages.error(self.status, self.message), self.status)


class RedirectRefusal(Refusal):
    """An error sent to the client's redirect URI (RFC 6749 §4.1.2.1)."""

    def __init__(self, redirect_uri: str, state: str, error: str, description: str) -> None:
        super().__init__(f"{error}: {description}")
        self.redirect_uri = redirect_uri
        self.members = {"state": state, "error": error, "error_description": description}

    def response(self) -> Response:
        separator = "&" if "?" in self.redirect_uri else "?"
        return RedirectResponse(self.redirect_uri + separator + encode(self.members), 303)


class TokenRefusal(Refusal):
    """An error of the token endpoint (RFC 6749 §5.2), of introspection or of userinfo."""

    def __init__(
        self, error: str, description: str = "", *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{status} {error}: {description}")
        self.status = status
        self.headers = headers
        self.body: dict[str, Any] = {"error": error}
        if description:
            self.body["error_description"] = description

    def response(self) -> Response:
        return JSONResponse(self.body, self.status, self.headers)


async def answer_refusal(request: Request, refusal: Exception) -> Response:
    """Starlette's exception handler for :class:`Refusal`. It does not log the query, which may contain a code."""
    assert isinstance(refusal, Refusal)
    _log.warning("%s %s refused: %s", request.method, request.url.path, refusal)
    return refusal.response()
