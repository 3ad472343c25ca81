"""Plain httpx clients that are signed in and recorded, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from pytest_plexdev.api import Transport
from pytest_plexdev.api.exchanges import Exchange
from pytest_plexdev.api.raw_http import open_async_client, open_client
from tests.support.recording_backend import RecordingBackend

TOKEN = "psk_dev_abcdefgh_ijklmnop"
Send = Callable[..., httpx.Response]


@pytest.fixture
def api() -> Iterator[RecordingBackend]:
    backend = RecordingBackend()
    yield backend
    backend.stop()


@pytest.fixture
def elsewhere() -> Iterator[RecordingBackend]:
    backend = RecordingBackend()
    yield backend
    backend.stop()


@pytest.fixture
def principal(api: RecordingBackend) -> Iterator[Transport]:
    transport = Transport(api.url, token=TOKEN)
    yield transport
    transport.close()


@pytest.fixture(params=["sync", "async"])
def send(request: pytest.FixtureRequest, principal: Transport) -> Send:
    def send_sync(method: str, path: str, **options: Any) -> httpx.Response:
        with open_client(principal) as client:
            return client.request(method, path, **options)

    async def send_async(method: str, path: str, **options: Any) -> httpx.Response:
        async with open_async_client(principal) as client:
            return await client.request(method, path, **options)

    if request.param == "sync":
        return send_sync
    return lambda *arguments, **options: asyncio.run(send_async(*arguments, **options))


def recorded(principal: Transport) -> list[Exchange]:
    return list(principal.exchanges)


def test_an_exchange_is_signed_and_recorded(api: RecordingBackend, principal: Transport, send: Send) -> None:
    api.answer(201, b'{"token": "psb_dev_qrstuvwx"}', X_Correlation_Id="c-1")
    response = send("POST", "/v1/projects?limit=1", json={"client_secret": "correct-horse", "name": "Shop"})

    assert (response.status_code, response.json()["token"]) == (201, "psb_dev_qrstuvwx")
    assert api.received[0].headers["Authorization"] == f"Bearer {TOKEN}"
    (exchange,) = recorded(principal)
    assert (exchange.method, exchange.path, exchange.status) == ("POST", "/v1/projects?limit=1", 201)
    assert exchange.correlation_id == "c-1"
    assert '"name":"Shop"' in exchange.request
    assert "correct-horse" not in str(exchange)
    assert "qrstuvwx" not in str(exchange)


def test_compressed_bodies_are_recorded_as_text(api: RecordingBackend, principal: Transport, send: Send) -> None:
    api.answer(200, gzip.compress(b'{"items": []}'), Content_Encoding="gzip")
    body = gzip.compress(b'{"name": "Shop"}')
    response = send("POST", "/v1/x", content=body, headers={"Content-Encoding": "gzip"})

    assert response.json() == {"items": []}
    assert api.received[0].body == body
    assert (recorded(principal)[0].request, recorded(principal)[0].response) == ('{"name": "Shop"}', '{"items": []}')


def test_the_token_is_sent_to_the_api_only(
    api: RecordingBackend, elsewhere: RecordingBackend, principal: Transport, send: Send
) -> None:
    api.answer(302, Location=f"{elsewhere.url}/page")
    send("GET", "/v1/x", follow_redirects=True)
    send("GET", f"{elsewhere.url}/other")

    assert ["Authorization" in each.headers for each in elsewhere.received] == [False, False]
    paths = [each.path for each in recorded(principal)]
    assert paths == ["/v1/x", f"{elsewhere.url}/page", f"{elsewhere.url}/other"]


def test_a_request_without_an_answer_is_recorded(principal: Transport, send: Send) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{unused.getsockname()[1]}/v1/x"
        with pytest.raises(httpx.ConnectError):
            send("GET", address)

    assert [(each.path, each.status) for each in recorded(principal)] == [(address, None)]


def test_a_token_of_the_test_is_sent_and_masked(api: RecordingBackend, principal: Transport, send: Send) -> None:
    own = "a-token-of-another-kind-91"
    send("GET", "/v1/x", headers={"Authorization": f"Bearer {own}"})

    assert api.received[0].headers["Authorization"] == f"Bearer {own}"
    assert own in principal.exchanges.secrets


def test_a_cookie_of_the_api_is_masked(api: RecordingBackend, principal: Transport, send: Send) -> None:
    api.answer(200, Set_Cookie="plexsphere_session=9f8e7d6c5b4a39281706; Path=/v1/")
    send("GET", "/v1/x")

    assert "9f8e7d6c5b4a39281706" in principal.exchanges.secrets


def test_a_stream_is_recorded_when_it_is_closed(api: RecordingBackend, principal: Transport) -> None:
    api.answer(200, b"data: one\n\ndata: two\n\n")
    with open_client(principal) as client, client.stream("GET", "/v1/events") as response:
        assert next(response.iter_lines()) == "data: one"
        assert recorded(principal) == []

    assert recorded(principal)[0].response.startswith("data: one")
