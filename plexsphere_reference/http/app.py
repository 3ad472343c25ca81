"""The application: every operation at its path, and 501 for what the contract has and this plane has not."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Final

from starlette.requests import Request
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from plexsphere_reference.http import unbuilt
from plexsphere_reference.http.envelope import Envelope
from plexsphere_reference.http.operation import Endpoint, Operation
from plexsphere_reference.http.plane import Plane
from plexsphere_reference.http.problems import not_provisioned, of_status

_SURFACES: Final = (
    "domains",
    "nodes",
    "projects",
    "resources",
    "auth",
    "device",
    "tokens",
    "idp_bindings",
    "groups",
    "labels",
    "identities",
    "bootstrap_tokens",
    "registration",
    "audit",
    "meta",
)
"""Modules of :mod:`plexsphere_reference.http.surfaces`, those that are asked for most first: routes match in order."""


def build(plane: Plane) -> ASGIApp:
    """The ASGI application of the API."""
    by_path: dict[str, list[Operation]] = {}
    for operation in operations():
        by_path.setdefault(operation.path, []).append(operation)
    routes = [Route(path, Endpoint(plane, each)) for path, each in by_path.items()]
    return Envelope(Router(routes, redirect_slashes=False, default=_elsewhere), plane.metrics)


def operations() -> Sequence[Operation]:
    """Every operation that is built."""
    package = "plexsphere_reference.http.surfaces"
    return [each for name in _SURFACES for each in import_module(f"{package}.{name}").OPERATIONS]


async def _elsewhere(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    surface = unbuilt.surface_of(request.method, request.url.path)
    problem = not_provisioned(surface) if surface else of_status(404)
    response = problem.response(instance=request.url.path, correlation_id=scope["plexsphere.correlation_id"])
    await response(scope, receive, send)
