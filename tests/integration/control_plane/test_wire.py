"""Bytes on the wire that no client library sends: targets, methods, headers and framing, over all operations."""

from __future__ import annotations

import json
import random
import re
import socket
import uuid
from collections.abc import Iterator
from typing import Final
from urllib.parse import urlsplit

import httpx
import pytest

from plexsphere_reference.http.operation import Operation
from tests.support.contract import check_contract
from tests.support.control_plane import Plane
from tests.support.operations import OPERATIONS, WRITES, name_of, target, undone

METHODS: Final = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")
RAW_PATHS: Final = (
    *("/v1/domains/%zz", "/v1/domains/%", '/v1/domains/"<>^`{|}', "/v1/domains/a;b=c", "//evil.example/v1/domains"),
    *("/v1/%2e%2e/domains", "/v1/domains/%2F..%2F", "/v1/domains/..", "/v1/domains/%FF%FE", "/v1/domains/%ED%A0%80"),
    *("/v1/domains/%00", "/v1/domains/" + "a" * 30_000, "/" + "/" * 500, "/v1/domains?" + "&" * 5000),
    *("/v1/domains?limit=1&limit=2", "/v1/domains?limit", "/v1/domains?=&=&", "/v1/domains?x=%00&y[]=1&z;w", "/?%"),
    *("http://other.example/v1/domains", "/v1/domains#fragment", "/v1/dom\\ains", "/V1/DOMAINS", "/v1/domains/%20"),
)
VALUES: Final = (
    *("", "x", "%00", "%2F", "%zz", "%FF", "...", "a" * 9000, "00000000-0000-0000-0000-000000000000", "{id}", "-1"),
    *("01985a00-0000-7000-8000-00000000ac01", "01985A00-0000-7000-8000-00000000AC01", "%D9%A3", "1e3", "null"),
)
JSON_VALUES: Final[tuple[object, ...]] = (
    None,
    True,
    0,
    -1,
    1.5,
    10**400,
    "",
    " ",
    "x" * 100_000,
    "\U0010ffff",
    [],
    {},
    [None],
    {"a": []},
)


def exchange(plane: Plane, raw: bytes, *, hang_up: bool = False) -> bytes:
    """Send bytes and read until the server has answered and closes; *hang_up*: close the sending side afterwards."""
    parts = urlsplit(plane.url)
    assert parts.port is not None
    with socket.create_connection(("127.0.0.1", parts.port), timeout=20) as connection:
        connection.sendall(raw)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def request(method: str, path: str, *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: plane.test", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + body


def check(raw: bytes, answer: bytes) -> httpx.Response:
    """No answer is a 500, and every refusal is a problem; its status is one that the contract or our list has."""
    head, _, body = answer.partition(b"\r\n\r\n")
    status_line, *lines = head.decode("latin-1").split("\r\n")
    assert status_line.startswith("HTTP/1.1 "), (raw[:200], answer[:200])
    status = int(status_line.split(" ")[1])
    headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
    kept = [(name, value) for name, value in headers if name.lower() not in ("content-length", "transfer-encoding")]
    method, path = raw.decode("latin-1").split(" ")[:2]
    response = httpx.Response(status, headers=kept, content=body)
    assert status < 500 or status in (501, 502, 503), (raw[:300], body)
    if status >= 400 and method != "HEAD" and not path.startswith(("/v1/device", "/v1/auth/callback")):
        problem = json.loads(body)
        assert response.headers["content-type"] == "application/problem+json", raw[:200]
        assert problem["status"] == status
        assert re.fullmatch(r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2}|\*)+", problem["instance"])
        assert not problem["instance"].startswith("//")
        assert problem["correlation_id"] == response.headers["x-correlation-id"]
    return response


def held_to_the_contract(plane: Plane, raw: bytes) -> httpx.Response:
    response = check(raw, exchange(plane, raw))
    method, path = raw.decode("latin-1").split(" ")[:2]
    if response.status_code != 400 or response.json().get("detail") != "Invalid HTTP request received.":
        response.request = httpx.Request(method, f"http://plane.test{path}")
        check_contract(response)
    return response


@pytest.fixture
def authorization(plane: Plane) -> str:
    return f"Authorization: Bearer {plane.token()}"


@pytest.mark.parametrize("path", RAW_PATHS, ids=lambda path: path[:40])
def test_any_target_has_an_answer(plane: Plane, authorization: str, path: str) -> None:
    for method in METHODS:
        raw = request(method, path, authorization)
        check(raw, exchange(plane, raw))


@pytest.mark.parametrize(
    "raw",
    [
        b"\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"NONSENSE\r\n\r\n",
        b"GET /v1/\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /v1/health HTTP/1.1\r\nHost a\r\n\r\n",
        b"POST /v1/domains HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/domains HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        b"POST /v1/domains HTTP/1.1\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"POST /v1/register HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"CONNECT plane.test:443 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=lambda raw: raw[:40],
)
def test_what_is_no_request(plane: Plane, raw: bytes) -> None:
    answer = exchange(plane, raw, hang_up=True)

    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 405 ", b"HTTP/1.1 404 ")), answer
    assert b"text/plain" not in answer


def test_a_body_that_ends_before_its_length(plane: Plane) -> None:
    log_before = plane.log.read_text().count("unhandled error")

    exchange(plane, request("POST", "/v1/register", "Content-Length: 1000", body=b"{"), hang_up=True)

    assert httpx.get(f"{plane.url}/livez").status_code == 200
    assert plane.log.read_text().count("unhandled error") == log_before


def test_an_allow_header_names_what_does_not_answer_405(plane: Plane, authorization: str) -> None:
    paths = {each.path for each in OPERATIONS} | {path for _, path in undone()}
    for path in sorted(paths):
        where = re.sub(r"\{\w+\}", str(uuid.uuid4()), path)
        statuses, allowed = {}, None
        for method in METHODS:
            raw = request(method, where, authorization)
            response = check(raw, exchange(plane, raw))
            statuses[method] = response.status_code
            allowed = response.headers.get("allow", allowed)
        assert allowed is not None, path
        assert set(allowed.split(", ")) == {method for method, status in statuses.items() if status != 405}, path


def generated(operation: Operation, rng: random.Random, authorization: str) -> Iterator[bytes]:
    """Requests of one operation, each wrong in one way or in several."""
    right = WRITES.get(name_of(operation), {})
    for _ in range(12):
        path = target(operation, rng.choice((None, *VALUES[1:])))
        if rng.random() < 0.5:
            names = ["limit", "cursor", "domain_id", "kind", "scope", "from", "reason", "state", "code", "x"]
            path += "?" + "&".join(f"{rng.choice(names)}={rng.choice(VALUES)}" for _ in range(rng.randint(1, 4)))
        headers = [authorization] if rng.random() < 0.8 else []
        headers += rng.sample(
            [
                "Content-Type: application/json",
                "Content-Type: text/plain",
                "Content-Encoding: gzip",
                "Accept: \xff",
                "Cookie: plexsphere_session=\x01; =; a",
                "X-Forwarded-For: ,,,::1, not an address",
                "User-Agent: " + "u" * 3000,
                "Authorization: Basic x",
            ],
            rng.randint(0, 2),
        )
        body = b""
        if operation.method in ("POST", "PATCH", "PUT") or rng.random() < 0.1:
            value = {**right, rng.choice([*right, "x"]): rng.choice(JSON_VALUES)}
            body = json.dumps(rng.choice((value, value, value, *JSON_VALUES))).encode()
            headers.append(f"Content-Length: {len(body)}")
        yield request(operation.method, path, *headers, body=body)


@pytest.mark.parametrize("operation", OPERATIONS, ids=name_of)
def test_generated_requests(plane: Plane, authorization: str, operation: Operation) -> None:
    for raw in generated(operation, random.Random(name_of(operation)), authorization):
        held_to_the_contract(plane, raw)
