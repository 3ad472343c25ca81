"""Build the ASGI application: all implemented operations, and 501 for the contract's other operations."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from plexsphere_reference.http import unimplemented
from plexsphere_reference.http.access_log import access_of
from plexsphere_reference.http.dependencies import Plane
from plexsphere_reference.http.middleware import Envelope
from plexsphere_reference.http.operation import Endpoint, Operation, as_get
from plexsphere_reference.http.problems import Problem, method_not_allowed, not_provisioned, of_status, target_of

_SURFACES: Final = (
    "domains",
    "nodes",
    "projects",
    "resources",
    "auth",
    "device",
    "tokens",
    "node_secrets",
    "idp_bindings",
    "groups",
    "labels",
    "identities",
    "invitations",
    "bootstrap_tokens",
    "registration",
    "ingest",
    "observability",
    "audit",
    "artifacts",
    "meta",
)
"""Modules of :mod:`plexsphere_reference.http.surfaces`, most used first, because routes are matched in order."""


def build(plane: Plane) -> ASGIApp:
    """Build the ASGI application of the API."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations():
        by_path.setdefault(operation.path, []).append(operation)
    routes = [Route(path, Endpoint(plane, path, each)) for path, each in by_path.items()]
    return Envelope(Router(routes, redirect_slashes=False, default=_elsewhere), plane.metrics)


def operations() -> Sequence[Operation]:
    """Return all implemented operations."""
    package = "plexsphere_reference.http.surfaces"
    return [each for name in _SURFACES for each in import_module(f"{package}.{name}").OPERATIONS]


async def _elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    problem = _without_route(scope["method"], scope["path"])
    access = access_of(scope)
    access.refused(problem)
    response = problem.response(instance=target_of(scope), correlation_id=access.correlation_id)
    await response(scope, receive, send)


def _without_route(method: str, path: str) -> Problem:
    surfaces = unimplemented.surfaces_at(path)
    if not surfaces:
        return of_status(404)
    surface = surfaces.get(as_get(method))
    return not_provisioned(surface) if surface else method_not_allowed(tuple(surfaces))
