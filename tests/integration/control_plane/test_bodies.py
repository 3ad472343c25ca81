"""Caps, media types and encodings of request bodies, over all operations that read one."""

from __future__ import annotations

import gzip
import json
import re
import zlib
from collections.abc import Iterator
from typing import Any, Final

import httpx
import pytest

from plexsphere_reference.http.operation import Operation
from tests.support.actors import refusal
from tests.support.contract import contract, resolved
from tests.support.control_plane import Plane, ula, unique
from tests.support.enrolment import new_site
from tests.support.operations import INGEST, OPERATIONS, WITH_BODY, WRITES, name_of, reachable, target

MIB: Final = 1024 * 1024
GZIP: Final = {"Content-Encoding": "gzip"}


def documented(operation: Operation) -> dict[str, Any]:
    """The operation in the product's document."""
    document = contract()
    assert document is not None
    shape = re.sub(r"\{\w+\}", "{}", operation.path)
    path = next(path for path in document["paths"] if re.sub(r"\{\w+\}", "{}", path) == shape)
    found: dict[str, Any] = document["paths"][path][operation.method.lower()]
    return found


def stated_cap(operation: Operation) -> int:
    """Return the operation's limit in bytes from the 413 of the document; 1 MiB if it declares none."""
    document, declared = contract(), documented(operation)["responses"].get("413")
    if document is None or declared is None:
        return MIB
    stated = re.search(r"(\d+) KiB", resolved(document, declared)["description"])
    assert stated is not None
    return int(stated[1]) * 1024


def domain_body(**members: object) -> dict[str, object]:
    return {"name": "Nova", "slug": unique(), "mesh_cidr": ula(), **members}


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
def test_every_body_that_the_document_has_is_read_and_no_other() -> None:
    read = {name_of(each) for each in (*WITH_BODY, *INGEST)} | {
        "POST /v1/nodes/{id}/heartbeat",
        "POST /v1/auth/device/approve",
    }

    assert {
        name_of(each) for each in OPERATIONS if each.path != "/v1/device" and "requestBody" in documented(each)
    } == read


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_the_cap_is_the_documents(acme: httpx.Client, operation: Operation) -> None:
    path, cap = target(operation), stated_cap(operation)

    at_the_cap = acme.request(operation.method, path, content=b"{".ljust(cap))
    above = acme.request(operation.method, path, content=b"{".ljust(cap + 1))
    in_chunks = acme.request(operation.method, path, content=iter([b"{".ljust(cap), b" "]))

    assert refusal(at_the_cap)[0] == 400
    assert refusal(above) == refusal(in_chunks) == (413, "request_body_too_large")


@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_the_cap_holds_for_what_a_body_inflates_to(acme: httpx.Client, operation: Operation) -> None:
    path, cap = target(operation), operation.body_cap
    bodies = [b"{".ljust(cap), b"{".ljust(cap + 1), b" " * 50 * MIB]

    answers = [
        acme.request(operation.method, path, content=gzip.compress(body, mtime=0), headers=GZIP) for body in bodies
    ]

    assert [answer.status_code for answer in answers] == [400, 413, 413]


def test_a_gzip_body_is_read(acme: httpx.Client) -> None:
    body = json.dumps(domain_body()).encode()
    for encoding in ("gzip", "GZip", "identity, gzip"):
        body = json.dumps(domain_body()).encode()
        answer = acme.post("/v1/domains", content=gzip.compress(body), headers={"Content-Encoding": encoding})
        assert answer.status_code == 201, answer.text
    stored = zlib.compressobj(level=0, wbits=31)
    incompressible = stored.compress(body.ljust(8 * 1024)) + stored.flush()
    assert refusal(acme.post("/v1/domains", content=incompressible, headers=GZIP))[0] == 409


WHOLE: Final = gzip.compress(b"{}" * 100)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        WHOLE[:5],
        WHOLE[:-8],
        WHOLE[:-1],
        WHOLE[:-8] + bytes(8),
        WHOLE + b"{}",
        WHOLE + bytes(4),
        WHOLE + WHOLE,
        b"".join(gzip.compress(b"") for _ in range(200)),
    ],
    ids=["empty", "JSON", "header", "no-checksum", "one-short", "checksum", "tail", "zeros", "two", "many-empty"],
)
def test_a_damaged_gzip_body(acme: httpx.Client, content: bytes) -> None:
    assert refusal(acme.post("/v1/domains", content=content, headers=GZIP)) == (400, "invalid_body")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/x-ndjson"},
        {"Content-Type": "application/json-patch+json"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "json"},
        {"Content-Encoding": "br"},
        {"Content-Encoding": "deflate"},
        {"Content-Encoding": "gzip, gzip"},
    ],
    ids=lambda headers: next(iter(headers.values())),
)
@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_another_media_type_or_encoding(acme: httpx.Client, operation: Operation, headers: dict[str, str]) -> None:
    answer = acme.request(operation.method, target(operation), content=b"{}", headers=headers)

    assert refusal(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type",
    [None, "", "application/json", "Application/JSON;charset=UTF-8", 'application/json; charset="utf-8"'],
)
def test_what_counts_as_json(acme: httpx.Client, content_type: str | None) -> None:
    headers = {} if content_type is None else {"Content-Type": content_type}
    request = acme.build_request("POST", "/v1/domains", content=json.dumps(domain_body()), headers=headers)
    assert ("content-type" in request.headers) == (content_type is not None)

    assert acme.send(request).status_code == 201


def test_the_device_page_takes_its_form_alone(nobody: httpx.Client) -> None:
    form = nobody.post("/v1/device", data={"user_code": "ABCD-EFGH"})
    as_json = nobody.post("/v1/device", json={"user_code": "ABCD-EFGH"})

    assert (form.status_code, as_json.status_code) == (401, 415)


def test_a_node_may_send_gzip(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> None:
    agent = new_site(plane, acme, nobody).node()
    headers = {**agent.headers, **GZIP}

    answers = [
        nobody.post(f"/v1/nodes/{agent.id}/heartbeat", content=content, headers=headers)
        for content in (gzip.compress(b"{}"), gzip.compress(b" " * 2 * MIB), b"{}")
    ]

    assert [refusal(answer) for answer in answers] == [
        (400, "malformed_heartbeat_request"),
        (413, "request_body_too_large"),
        (400, "malformed_heartbeat_request"),
    ]


# ---- null ------------------------------------------------------------------------------


def nullable(schema: dict[str, Any]) -> bool:
    return schema.get("nullable") is True or "null" in schema.get("type", ()) or not schema.keys() - {"description"}


def members(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every member of a request schema, at any depth, with its schema."""
    document = contract()
    assert document is not None
    for name, each in resolved(document, schema).get("properties", {}).items():
        each = resolved(document, each)
        yield (*path, name), each
        yield from members(each, (*path, name))


def with_null(body: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
    name, *rest = path
    return {**body, name: with_null(body.get(name) or {}, tuple(rest)) if rest else None}


@pytest.mark.skipif(contract() is None, reason="the contract's document is not beside the checkout")
@pytest.mark.parametrize("operation", WITH_BODY, ids=name_of)
def test_null_where_the_schema_has_none(acme: httpx.Client, ids: dict[str, str], operation: Operation) -> None:
    path, domain = reachable(operation, ids), ids["/v1/domains"]
    right = {name: domain if value == "DOMAIN" else value for name, value in WRITES[name_of(operation)].items()}
    (media,) = documented(operation)["requestBody"]["content"].values()
    tried = [where for where, schema in members(media["schema"]) if not nullable(schema)]

    answers = {where: acme.request(operation.method, path, json=with_null(right, where)) for where in tried}
    whole = acme.request(operation.method, path, content=b"null")

    assert refusal(whole)[0] == 400
    for where, answer in answers.items():
        assert refusal(answer)[0] == 400, where
        assert "null" in answer.json()["detail"] or answer.json()["code"] == "invalid_resource_origin", where


@pytest.mark.parametrize("member", ["region", "reachability", "description"])
def test_null_creates_nothing(acme: httpx.Client, member: str) -> None:
    assert refusal(acme.post("/v1/domains", json=domain_body(**{member: None}))) == (400, "invalid_body")


# ---- text ------------------------------------------------------------------------------


def test_an_escaped_backslash_before_u0000_is_text(acme: httpx.Client) -> None:
    for text in (r"\u0000", r"\\u0000", "a\\", r"c:\u0000\x"):
        answer = acme.post("/v1/domains", json=domain_body(description=text))
        assert answer.status_code == 201, answer.text
        assert answer.json()["description"] == text


@pytest.mark.parametrize("escaped", [r"\u0000", r"\\\u0000", r"a\u0000b", r"\ud800", r"\udc00\ud800", r"\ud800x"])
def test_what_is_no_text_of_postgres_is_refused(acme: httpx.Client, escaped: str) -> None:
    body = json.dumps(domain_body(description="HERE")).replace("HERE", escaped)

    assert refusal(acme.post("/v1/domains", content=body)) == (400, "invalid_body")
