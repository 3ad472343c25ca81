"""The API's log has one line per request, which the correlation id of the answer leads to."""

from __future__ import annotations

import re
import socket
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpx

from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane

FIELD = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\S*)')


def line_of(plane: Plane, answer: httpx.Response) -> dict[str, str]:
    """The fields of an answer's line. It has been written before the answer was sent."""
    correlation_id = answer.headers["x-correlation-id"]
    (line,) = [line for line in plane.log.read_text().splitlines() if f"correlation_id={correlation_id}" in line]
    return {name: value.strip('"') for name, value in FIELD.findall(line)}


def test_a_line_names_caller_operation_and_answer(plane: Plane, acme: httpx.Client) -> None:
    began = datetime.now(UTC).replace(microsecond=0)
    line = line_of(plane, acme.get(f"/v1/domains/{DOMAINS['acme-corp']}", headers={"User-Agent": "test/1 (x)"}))

    assert began <= datetime.fromisoformat(line.pop("time")) <= datetime.now(UTC)
    assert 0 < float(line.pop("ms")) < 10_000
    assert line.pop("correlation_id")
    assert re.fullmatch(r"user:[0-9a-f-]{36}", line.pop("principal"))
    assert line == {
        "level": "INFO",
        "msg": "request",
        "method": "GET",
        "route": "/v1/domains/{id}",
        "status": "200",
        "domain": DOMAINS["acme-corp"],
        "client": "test/1 (x)",
    }


def test_a_denial_has_its_code_and_reason(plane: Plane, beta: httpx.Client) -> None:
    line = line_of(plane, beta.get(f"/v1/domains/{DOMAINS['acme-corp']}"))

    assert (line["status"], line["code"], line["reason"]) == ("403", "permission_denied", "insufficient_relation")
    assert line["domain"] == DOMAINS["acme-corp"]


def test_a_caller_without_credential_has_no_principal(plane: Plane, nobody: httpx.Client) -> None:
    line = line_of(plane, nobody.get(f"/v1/domains/{UNKNOWN_ID}"))

    assert (line["status"], line["code"]) == ("401", "unauthenticated")
    assert not line.keys() & {"principal", "domain", "reason"}


def test_a_path_without_route_is_logged_without_secrets(plane: Plane, nobody: httpx.Client) -> None:
    token = plane.token()
    line = line_of(plane, nobody.get(f'/v1/domain/{token}/a" b=c', headers={"Authorization": f"Bearer {token}"}))

    assert (line["route"], line["status"], line["code"]) == ('/v1/domain/…/a\\" b=c', "404", "not_found")
    assert token not in plane.log.read_text()


def test_queries_are_not_logged(plane: Plane, nobody: httpx.Client) -> None:
    line = line_of(plane, nobody.get("/v1/auth/callback?state=not-for-the-log&code=x"))

    assert (line["route"], line["status"], line["code"]) == ("/v1/auth/callback", "303", "state_unknown")
    assert "not-for-the-log" not in plane.log.read_text()


def test_bytes_that_are_no_request_have_a_line(plane: Plane) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(plane.url).port or 0), timeout=20) as connection:
        connection.sendall(b"NONSENSE\r\n\r\n")
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    head = dict(line.split(": ", 1) for line in answer.split("\r\n\r\n")[0].split("\r\n")[1:])
    line = line_of(plane, httpx.Response(400, headers=head))

    assert (line["method"], line["status"], line["code"]) == ("-", "400", "invalid_request")
