"""Operations of the contract: path, access, body rules and handler."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from plexsphere_reference.authz.model import AuthzUnavailable
from plexsphere_reference.http import unimplemented
from plexsphere_reference.http.access_log import AccessRecord, access_of
from plexsphere_reference.http.authentication import authenticate
from plexsphere_reference.http.context import Call
from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.problems import Problem, method_not_allowed, not_provisioned, target_of
from plexsphere_reference.http.request_body import JSON, BodyRules
from plexsphere_reference.log import log
from plexsphere_reference.store.database import DatastoreUnavailable

Access: TypeAlias = Literal["public", "operator", "node", "operator_or_node"]
Handler: TypeAlias = Callable[[Call], Awaitable[Response]]

TENANCY_CAP: Final = 8 * 1024
"""Maximum body size in bytes, of the implemented operations for which the contract declares 413."""
_UNDECLARED_CAP: Final = 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one path.

    Attributes:
        surface: Named in the 501 response if a required variable is missing.
        needs: The variables that this operation requires beyond those of its surface.
        access: ``public`` needs no credential, ``operator`` a session or token, ``node`` an NSK.
        body_cap: Maximum size of the body in bytes; more is 413.
        body_error: The code of a body that cannot be decoded.
        media_type: The required media type of the body.
    """

    method: str
    path: str
    handler: Handler
    surface: str
    needs: tuple[str, ...] = ()
    access: Access = "operator"
    body_cap: int = _UNDECLARED_CAP
    body_error: str = "invalid_body"
    too_large_error: str = "request_body_too_large"
    media_type: str = JSON

    @functools.cached_property
    def body_rules(self) -> BodyRules:
        return BodyRules(
            media_type=self.media_type, cap=self.body_cap, malformed=self.body_error, too_large=self.too_large_error
        )


class Endpoint:
    """The ASGI application of one path: calls the method's operation and converts exceptions to problems."""

    def __init__(self, plane: Plane, path: str, operations: Sequence[Operation]) -> None:
        self._plane = plane
        self._path = path
        self._operations: Mapping[str, Operation] = {each.method: each for each in operations}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        access = access_of(scope)
        try:
            response = await self._answer(request, access)
        except Exception as error:
            problem = error if isinstance(error, Problem) else _unexpected(error, access.correlation_id)
            access.refused(problem)
            response = problem.response(instance=target_of(scope), correlation_id=access.correlation_id)
        await response(scope, receive, send)

    async def _answer(self, request: Request, access: AccessRecord) -> Response:
        access.route = self._path
        operation = self._operations.get(as_get(request.method))
        if operation is None:
            raise self._without_operation(request)
        if missing := self._plane.settings.missing_for(operation.surface, *operation.needs):
            raise not_provisioned(operation.surface, missing)
        access.principal = await authenticate(self._plane, request, operation.access)
        call = Call(plane=self._plane, request=request, access=access, body_rules=operation.body_rules)
        try:
            return await operation.handler(call)
        except Exception as error:
            if not _is_datastore_trouble(error):
                await call.audit_refused(_code_of(error))
            raise

    def _without_operation(self, request: Request) -> Problem:
        """Return 501 for a method that the contract defines but this implementation lacks, else 405."""
        elsewhere = unimplemented.surfaces_at(request.url.path)
        if surface := elsewhere.get(as_get(request.method)):
            return not_provisioned(surface)
        return method_not_allowed((*self._operations, *elsewhere))


def as_get(method: str) -> str:
    """Return GET for HEAD, else the method itself."""
    return "GET" if method == "HEAD" else method


def _is_datastore_trouble(error: Exception) -> bool:
    # With relation tuples in Postgres, a failure of the authoriser is a failure of the datastore.
    return isinstance(error, DatastoreUnavailable) or isinstance(error.__cause__, DatastoreUnavailable)


def _code_of(error: Exception) -> str:
    if isinstance(error, Problem):
        return error.code
    return "authz_unavailable" if isinstance(error, AuthzUnavailable) else "internal"


def _unexpected(error: Exception, correlation_id: str) -> Problem:
    if _is_datastore_trouble(error):
        return Problem(503, "datastore_unavailable", "the datastore does not answer; nothing was changed")
    if isinstance(error, AuthzUnavailable):
        return Problem(503, "authz_unavailable", "the authorisation service does not answer")
    where = "".join(traceback.format_exception(error))
    log("ERROR", "unhandled error", correlation_id=correlation_id, error=where)
    return Problem(500, "internal", "something that should not happen did; the correlation id finds it in the log")
