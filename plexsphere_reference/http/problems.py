"""RFC 9457 problems with the contract's stable codes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import quote_from_bytes

import msgspec
from starlette.responses import Response
from starlette.types import Scope

MEDIA_TYPE: Final = "application/problem+json"
_PATH_CHARACTERS: Final = "/:@!$&'()*+,;=~"
_PERCENT_ENCODED: Final = re.compile(rb"(%[0-9A-Fa-f]{2})")


class Problem(Exception):
    """An error response. Raise it anywhere below a handler.

    Args:
        status: The HTTP status.
        code: The contract's snake_case code.
        detail: One sentence for people.
        members: Extension members of the problem.
        headers: Extra response headers.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        members: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code, detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.members = dict(members or {})
        self.headers = dict(headers or {})

    def again(self) -> Problem:
        """Return a copy. Raise copies of shared problems, because an exception keeps the traceback of every raise."""
        return Problem(self.status, self.code, self.detail, members=self.members, headers=self.headers)

    def response(self, *, instance: str, correlation_id: str) -> Response:
        body = {
            "type": f"https://plexsphere.com/errors/{self.code.replace('_', '-')}",
            "title": self.code.replace("_", " ").title(),
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            "code": self.code,
            "correlation_id": correlation_id,
            **self.members,
        }
        return Response(msgspec.json.encode(body), self.status, self.headers, MEDIA_TYPE)


def target_of(scope: Scope) -> str:
    """Return the request's path as sent, as a valid URI reference for a problem's ``instance``."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode("utf-8", "surrogateescape")
    parts = _PERCENT_ENCODED.split(raw)
    # Odd parts are percent-encoded already; in the others, encode every character that is not allowed in a path.
    path = "".join(
        part.decode("ascii") if place % 2 else quote_from_bytes(part, safe=_PATH_CHARACTERS)
        for place, part in enumerate(parts)
    )
    # A reference that starts with two slashes names a host.
    return f"/%2F{path[2:]}" if path.startswith("//") else path


def permission_denied(permission: str, resource: str, reason: str, path: Sequence[str] = ()) -> Problem:
    """Return 403: the caller lacks ``permission`` on ``resource`` (schema PermissionDenied)."""
    members: dict[str, object] = {"reason": reason}
    if path:
        members["relation_path"] = list(path)
    kind = resource.partition(":")[0]
    return Problem(403, "permission_denied", f"{permission} on this {kind} is not granted to you", members=members)


def not_provisioned(surface: str, missing: Sequence[str] = ()) -> Problem:
    """Return 501: this deployment does not serve the surface."""
    why = f"; set {', '.join(missing)}" if missing else ""
    return Problem(501, f"{surface}_not_provisioned", f"the {surface} surface is not provisioned here{why}")


def method_not_allowed(methods: Sequence[str]) -> Problem:
    """Return 405 with the allowed methods: *methods*, plus HEAD if GET is among them."""
    allowed = {*methods, "HEAD"} if "GET" in methods else set(methods)
    detail = f"this path has {', '.join(sorted(allowed))}"
    return Problem(405, "method_not_allowed", detail, headers={"Allow": ", ".join(sorted(allowed))})


def of_status(status: int) -> Problem:
    """Return the problem for a bare HTTP status, with a generic code such as ``not_found``."""
    phrase = HTTPStatus(status).phrase
    return Problem(status, phrase.lower().replace(" ", "_").replace("-", "_"), f"{phrase.lower()}")
