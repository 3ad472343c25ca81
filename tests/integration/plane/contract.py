"""Holds answers against the product's OpenAPI document, where it lies beside the checkout."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import yaml

_DOCUMENT = Path("shared", "contract", "plexsphere-v1.yaml")
# A worktree lies deeper than the checkout: search every directory above.
CONTRACT = next(
    (found for above in Path(__file__).parents[4:] if (found := above / _DOCUMENT).exists()),
    Path(__file__).parents[4] / _DOCUMENT,
)


@functools.cache
def contract() -> dict[str, Any] | None:
    """The product's OpenAPI document, where it lies beside the checkout."""
    if not CONTRACT.exists():
        return None
    document: dict[str, Any] = yaml.load(CONTRACT.read_text(), Loader=yaml.CSafeLoader)
    _spell_out_nullable(document)
    return document


def _spell_out_nullable(node: Any) -> None:
    # The document says 3.1 but keeps the `nullable` of 3.0, which a JSON Schema validator does not know.
    if isinstance(node, dict):
        if node.get("nullable") is True and isinstance(node.get("type"), str):
            node["type"] = [node["type"], "null"]
        for each in node.values():
            _spell_out_nullable(each)
    elif isinstance(node, list):
        for each in node:
            _spell_out_nullable(each)


@functools.cache
def _paths() -> list[tuple[re.Pattern[str], dict[str, Any]]]:
    document = contract()
    assert document is not None
    return [(re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)), item) for path, item in document["paths"].items()]


def check_contract(response: httpx.Response) -> None:
    """Hold a response against the document: its status is declared, and its body has the declared schema."""
    document = contract()
    if document is None or not response.request.url.path.startswith("/v1/"):
        return
    operation = next(
        (
            item[response.request.method.lower()]
            for pattern, item in _paths()
            if pattern.fullmatch(response.request.url.path) and response.request.method.lower() in item
        ),
        None,
    )
    if operation is None:
        return
    declared = operation["responses"].get(str(response.status_code))
    if declared is None:
        # The document does not list every refusal of the shared layers (caps, unwired surfaces, an absent Postgres).
        assert response.status_code in (400, 401, 403, 404, 405, 409, 413, 422, 500, 501, 503), response.status_code
        return
    response.read()
    declared = _resolved(document, declared)
    media = response.headers.get("content-type", "").partition(";")[0]
    schema = declared.get("content", {}).get(media, {}).get("schema")
    if response.status_code == 403 and not response.json()["code"].startswith("permission"):
        # Where the document has PermissionDenied alone: a refused cursor or cookie is a plain Problem (its §Problem).
        schema = {"$ref": "#/components/schemas/Problem"}
    if schema is not None and "json" in media:
        _validator(json.dumps(schema)).validate(json.loads(response.content))


@functools.cache
def _validator(schema: str) -> jsonschema.Draft202012Validator:
    document = contract()
    assert document is not None
    return jsonschema.Draft202012Validator({**json.loads(schema), "components": document["components"]})


def _resolved(document: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node
