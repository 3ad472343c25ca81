"""Check answers against the product's OpenAPI document, if that is beside the checkout.

docs/explanation/reference-plane.md lists the answers that the document does not declare. ``BESIDE_THE_DOCUMENT`` and
``DECIDED`` are that list as data.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import httpx
import jsonschema
import yaml

_DOCUMENT = Path("shared", "contract", "plexsphere-v1.yaml")
# A worktree lies deeper than the checkout: search every directory above.
CONTRACT = next(
    (found for above in Path(__file__).parents[3:] if (found := above / _DOCUMENT).exists()),
    Path(__file__).parents[3] / _DOCUMENT,
)


@functools.cache
def contract() -> dict[str, Any] | None:
    """The product's OpenAPI document; ``None`` if it is not beside the checkout."""
    if not CONTRACT.exists():
        return None
    document: dict[str, Any] = yaml.load(CONTRACT.read_text(), Loader=yaml.CSafeLoader)
    _spell_out_nullable(document)
    return document


def _spell_out_nullable(node: Any) -> None:
    # The document declares 3.1, but uses `nullable` of 3.0, which JSON Schema validators ignore.
    if isinstance(node, dict):
        if node.get("nullable") is True and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        for each in node.values():
            _spell_out_nullable(each)
    elif isinstance(node, list):
        for each in node:
            _spell_out_nullable(each)


BESIDE_THE_DOCUMENT: Final[Mapping[int, frozenset[str]]] = {
    400: frozenset(("invalid_…",)),
    403: frozenset(("csrf_token_mismatch", "csrf_origin_mismatch", "csrf_origin_not_configured", "permission_denied")),
    405: frozenset(("method_not_allowed",)),
    413: frozenset(("request_body_too_large",)),
    415: frozenset(("unsupported_media_type",)),
    429: frozenset(("too_many_requests",)),
    501: frozenset(("…_not_provisioned",)),
    502: frozenset(
        (
            *("idp_discovery_failed", "idp_exchange_failed", "idp_secret_unavailable"),
            *("id_token_invalid", "id_token_expired"),
        )
    ),
    503: frozenset(
        (
            *("authz_unavailable", "datastore_unavailable", "event_stream_unavailable"),
            *("openbao_unavailable", "signing_unavailable"),
        )
    ),
}
"""Undeclared statuses that any operation may answer, with their codes."""

DECIDED: Final[Mapping[tuple[str, int], frozenset[str]]] = {
    ("POST /v1/register", 409): frozenset(("resource_already_registered",)),
    ("POST /v1/projects/{project_id}/resources", 409): frozenset(("resource_external_ref_conflict",)),
    ("GET /v1/projects/{project_id}/resources", 404): frozenset(("project_not_found",)),
    ("DELETE /v1/resources/{id}", 409): frozenset(("resource_in_use",)),
    ("GET /v1/artifacts/plexd", 503): frozenset(("artifact_store_unavailable",)),
    ("GET /v1/artifacts/plexd/{version}", 503): frozenset(("artifact_store_unavailable",)),
    ("GET /v1/artifacts/plexd/{version}/sigstore", 503): frozenset(("artifact_store_unavailable",)),
    ("PATCH /v1/admin/idp/{id}/status", 409): frozenset(("issuer_conflict", "alias_conflict", "primary_conflict")),
}
"""The same for single operations."""

_SIGN_IN: Final = re.compile(r"/v1/(auth/.*|device)")


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], str, dict[str, Any]]]:
    document = contract()
    assert document is not None
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), path, item) for path, item in document["paths"].items()]


def check_contract(response: httpx.Response) -> None:
    """Check that the document declares the status of a response and the schema of its body."""
    document = contract()
    path = response.request.url.raw_path.decode().partition("?")[0]
    if not path.startswith("/v1/"):
        return
    _check_headers(response)
    if document is None:
        return
    method = response.request.method.lower().replace("head", "get")
    templates = [(template, item) for pattern, template, item in _paths() if pattern.fullmatch(path)]
    template, operation = next(
        ((template, item[method]) for template, item in templates if method in item),
        (None, None),
    )
    if operation is None:
        return
    declared = operation["responses"].get(str(response.status_code))
    response.read()
    if declared is None:
        _check_undeclared(response, f"{response.request.method} {template}")
        return
    declared = resolved(document, declared)
    media = response.headers.get("content-type", "").partition(";")[0]
    schema = declared.get("content", {}).get(media, {}).get("schema")
    if response.request.method == "HEAD":
        return
    if response.status_code == 403 and not response.json()["code"].startswith("permission"):
        # The document declares PermissionDenied only, but a refused cursor or cookie is a plain Problem (its §Problem).
        schema = {"$ref": "#/components/schemas/Problem"}
    if schema is not None and "json" in media:
        _validator(json.dumps(schema)).validate(json.loads(response.content))


def _check_headers(response: httpx.Response) -> None:
    """Check the headers that HTTP requires of every answer (RFC 9110 §11.6.1, §15.5.6), and those of this plane."""
    assert response.status_code != 401 or response.headers.get("www-authenticate", "").startswith("Bearer ")
    assert response.status_code != 405 or response.headers["allow"]
    assert response.headers["cache-control"] == "no-store"


def _check_undeclared(response: httpx.Response, operation: str) -> None:
    """Check that an undeclared status is on the list, with the problem's code."""
    status = response.status_code
    known = BESIDE_THE_DOCUMENT.get(status, frozenset()) | DECIDED.get((operation, status), frozenset())
    assert known, f"{operation} answers {status}: neither in the document nor in docs/explanation/reference-plane.md"
    assert status != 502 or _SIGN_IN.fullmatch(response.request.url.path), f"{operation} asks no identity provider"
    if response.request.method == "HEAD":
        return
    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    _validator('{"$ref": "#/components/schemas/Problem"}').validate(problem)
    assert any(re.fullmatch(each.replace("…", r"\w+"), problem["code"]) for each in known), (operation, problem)


@functools.cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    document = contract()
    assert document is not None
    return jsonschema.Draft202012Validator({**json.loads(schema), "components": document["components"]})


def resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
