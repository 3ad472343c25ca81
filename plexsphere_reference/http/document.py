"""Generate the OpenAPI document from the implemented operations."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from plexsphere_reference.http.operation import Access, Operation
from plexsphere_reference.http.problems import MEDIA_TYPE

_SCHEMES: Final[Mapping[str, object]] = {
    "sessionCookie": {
        "type": "apiKey",
        "in": "cookie",
        "name": "plexsphere_session",
        "description": "A browser's session; its writes carry the CSRF token as well.",
    },
    "operatorBearer": {"type": "http", "scheme": "bearer", "description": "An API token."},
    "nskBearer": {"type": "http", "scheme": "bearer", "description": "A Node's secret key in its envelope."},
}
_OPERATOR: Final = ("sessionCookie", "operatorBearer")
_TAKEN_BY: Final[Mapping[Access, tuple[str, ...]]] = {
    "public": (),
    "operator": _OPERATOR,
    "node": ("nskBearer",),
    "operator_or_node": (*_OPERATOR, "nskBearer"),
}
_BY_SESSION: Final = frozenset(("/v1/auth/sign-out/global", "/v1/auth/device/approve"))
"""Paths whose handlers check the session themselves, to distinguish an API token from no credential."""
_PROBLEM: Final = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "instance", "code", "correlation_id"],
    "properties": {
        "type": {"type": "string", "format": "uri"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string", "format": "uri-reference"},
        "code": {"type": "string"},
        "correlation_id": {"type": "string", "format": "uuid"},
    },
}


def document(operations: Sequence[Operation]) -> dict[str, object]:
    """Generate the OpenAPI 3.1 document of *operations*."""
    paths: dict[str, dict[str, object]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "plexsphere API", "version": "v1"},
        "paths": paths,
        "components": {"securitySchemes": _SCHEMES, "schemas": {"Problem": _PROBLEM}},
    }


def _operation(operation: Operation) -> dict[str, object]:
    return {
        "operationId": f"{operation.surface}_{operation.handler.__name__}{_twin(operation)}",
        "tags": [operation.surface],
        "security": [{scheme: []} for scheme in _credentials(operation)],
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"\{(\w+)\}", operation.path)
        ],
        "responses": {
            "2XX": {"description": "The result."},
            "default": {
                "description": "A problem.",
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            },
        },
    }


def _credentials(operation: Operation) -> tuple[str, ...]:
    return ("sessionCookie",) if operation.path in _BY_SESSION else _TAKEN_BY[operation.access]


def _twin(operation: Operation) -> str:
    """Return the suffix that distinguishes two operations with one handler: a Domain's audit and the platform's."""
    return "_of_platform" if operation.path.startswith("/v1/platform/") else ""
