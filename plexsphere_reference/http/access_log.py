"""Log one line per request: who asked for what, and the answer. A problem's correlation id leads to its line.

A line names the route and not the path, and neither queries nor bodies nor headers except
the name of the client, because those may have secrets.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

from starlette.types import Scope

from plexsphere_reference.http.problems import Problem
from plexsphere_reference.log import format_value, log, write_line
from plexsphere_reference.rules.principal import Principal

_SCOPE_KEY: Final = "plexsphere.access"
_LONGEST_SEGMENT: Final = len("00000000-0000-0000-0000-000000000000")
"""Longer segments of a path without route are not logged: every secret of the product is longer."""
_LONGEST_PATH: Final = 200
_LONGEST_CLIENT: Final = 100
_format_route: Final = lru_cache(maxsize=256)(format_value)
"""Quoting takes longer than the rest of a line, and there are few routes."""


class AccessRecord:
    """The line of one request. The middleware creates it, and what handles the request sets its attributes.

    Attributes:
        correlation_id: The id in the response's header.
        route: The path of the operation; ``None`` if no operation has the request's path.
        principal: The authenticated caller.
        domain_id: The Domain that the request is about, if a check or an audit row named it; by default the caller's.
        code: The code of the problem that was the answer.
        reason: Why a permission was denied.
    """

    __slots__ = ("_began", "_started", "code", "correlation_id", "domain_id", "principal", "reason", "route")

    def __init__(self, correlation_id: str) -> None:
        self._began = time.time()
        self._started = time.perf_counter()
        self.correlation_id = correlation_id
        self.route: str | None = None
        self.principal: Principal | None = None
        self.domain_id: UUID | None = None
        self.code = ""
        self.reason = ""

    def refused(self, problem: Problem) -> None:
        """Set code and reason from the problem that is the answer."""
        self.code = problem.code
        self.reason = str(problem.members.get("reason", ""))

    def write(self, scope: Scope, status: int) -> None:
        """Write the line. Call it before the response is sent: who has an answer then finds its line."""
        took_ms = (time.perf_counter() - self._started) * 1000
        # Formatted here and not by log(): this runs for every request.
        refusal = who = ""
        if self.code:
            refusal = f" code={format_value(self.code)}"
            if self.reason:
                refusal += f" reason={format_value(self.reason)}"
        domain_id = self.domain_id
        if (principal := self.principal) is not None:
            who = f" principal={principal.kind}:{principal.id}"
            domain_id = domain_id or principal.domain_id
        about = f" domain={domain_id}" if domain_id is not None else ""
        route = self.route or _unknown_path(scope["path"])
        write_line(
            f'level=INFO msg="request" time={_timestamp(self._began)} method={scope["method"]}'
            f" route={_format_route(route)} status={status}{refusal}{who}{about}"
            f"{_client_of(scope)} correlation_id={self.correlation_id} ms={took_ms:.1f}"
        )


def start_access(scope: Scope, correlation_id: str) -> AccessRecord:
    """Create the line of a request."""
    access = scope[_SCOPE_KEY] = AccessRecord(correlation_id)
    return access


def access_of(scope: Scope) -> AccessRecord:
    """Return the line of the request."""
    access: AccessRecord = scope[_SCOPE_KEY]
    return access


def log_malformed(correlation_id: str, code: str) -> None:
    """Write the line of bytes that are not an HTTP request."""
    fields: dict[str, Any] = {"time": _timestamp(time.time()), "method": "-", "route": "-", "status": 400}
    log("INFO", "request", **fields, code=code, correlation_id=correlation_id, ms=0)


def _client_of(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"user-agent":
            return _format_client(value)
    return ""


@lru_cache(maxsize=256)
def _format_client(user_agent: bytes) -> str:
    return f" client={format_value(user_agent[:_LONGEST_CLIENT].decode('latin-1'))}"


def _unknown_path(path: str) -> str:
    segments = ("…" if len(segment) > _LONGEST_SEGMENT else segment for segment in path.split("/"))
    return "/".join(segments)[:_LONGEST_PATH] or "-"


def _timestamp(moment: float) -> str:
    seconds, fraction = divmod(moment, 1)
    return f"{_date_and_time(int(seconds))}.{int(fraction * 1000):03d}Z"


@lru_cache(maxsize=1)
def _date_and_time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
