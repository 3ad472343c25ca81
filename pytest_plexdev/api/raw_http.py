"""Open plain httpx clients that send as the principal of a typed client, and record what they exchange."""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator, Iterator
from typing import Final

import httpx

from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.api.loopback import AsyncLoopbackTransport, LoopbackTransport
from pytest_plexdev.api.problems import CORRELATION_ID
from pytest_plexdev.api.tls import ssl_context
from pytest_plexdev.api.transport import TIMEOUT, Transport, user_agent
from pytest_plexdev.core.clock import unix_time

_MOST_BYTES: Final = 1_000_000
"""Number of bytes that are kept of a body; far more than an exchange shows."""


def open_client(principal: Transport) -> httpx.Client:
    """Open a client that sends as *principal*. Its base URL is the API's origin."""
    url = principal.base_url
    transport = LoopbackTransport(verify=ssl_context(url), trust_env=False)
    return httpx.Client(
        base_url=url,
        headers={"User-Agent": user_agent()},
        auth=_Bearer(principal),
        transport=_RecordingTransport(transport, principal),
        timeout=TIMEOUT,
        trust_env=False,
    )


def open_async_client(principal: Transport) -> httpx.AsyncClient:
    """Open an asynchronous client that sends as *principal*. Its base URL is the API's origin."""
    url = principal.base_url
    transport = AsyncLoopbackTransport(verify=ssl_context(url), trust_env=False)
    return httpx.AsyncClient(
        base_url=url,
        headers={"User-Agent": user_agent()},
        auth=_Bearer(principal),
        transport=_AsyncRecordingTransport(transport, principal),
        timeout=TIMEOUT,
        trust_env=False,
    )


class _Bearer(httpx.Auth):
    """Sends the principal's token, to the API only."""

    def __init__(self, principal: Transport) -> None:
        self._principal = principal

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._principal.token
        if token is not None and "Authorization" not in request.headers and _goes_to_api(request, self._principal):
            request.headers["Authorization"] = f"Bearer {token}"
        yield request


def _goes_to_api(request: httpx.Request, principal: Transport) -> bool:
    api, url = httpx.URL(principal.base_url), request.url
    return (api.scheme, api.host, api.port) == (url.scheme, url.host, url.port)


class _Recording:
    """One exchange. It is recorded when its response is closed: that is when its body is complete."""

    def __init__(self, exchanges: ExchangeLog, request: httpx.Request, *, is_ours: bool) -> None:
        self._exchanges = exchanges
        self._request = request
        self._path = request.url.raw_path.decode() if is_ours else str(request.url)
        self._began = unix_time()
        self._body = bytearray()
        # A test may send a token of its own.
        exchanges.add_secrets([request.headers.get("Authorization", "").partition(" ")[2]])

    def keep(self, chunk: bytes) -> None:
        """Keep a part of the response's body."""
        self._body += chunk[: _MOST_BYTES - len(self._body)]

    def end(self, response: httpx.Response | None) -> None:
        """Record the exchange; without a response if none came."""
        headers = response.headers if response is not None else httpx.Headers()
        if response is not None:
            response.request = self._request
            self._exchanges.add_secrets(response.cookies.values())
        self._exchanges.add(
            method=self._request.method,
            path=self._path,
            url=str(self._request.url),
            headers=self._request.headers,
            began=self._began,
            status=response.status_code if response is not None else None,
            request=_decoded(self._request.content, self._request.headers),
            response=_decoded(bytes(self._body), headers),
            correlation_id=headers.get(CORRELATION_ID, ""),
        )


def _decoded(body: bytes, headers: httpx.Headers) -> bytes:
    """The body without its Content-Encoding."""
    encoding = headers.get("Content-Encoding", "")
    try:
        return httpx.Response(200, headers={"Content-Encoding": encoding}, content=body).content
    except httpx.DecodingError:
        return f"({len(body)} bytes, {encoding})".encode()


class _RecordedStream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """The body of a response on its way to the client."""

    def __init__(self, response: httpx.Response, recording: _Recording) -> None:
        self._stream = response.stream
        self._response = response
        self._recording = recording

    def __iter__(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx.SyncByteStream)
        for chunk in self._stream:
            self._recording.keep(chunk)
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        assert isinstance(self._stream, httpx.AsyncByteStream)
        async for chunk in self._stream:
            self._recording.keep(chunk)
            yield chunk

    def close(self) -> None:
        assert isinstance(self._stream, httpx.SyncByteStream)
        self._stream.close()
        self._recording.end(self._response)

    async def aclose(self) -> None:
        assert isinstance(self._stream, httpx.AsyncByteStream)
        await self._stream.aclose()
        self._recording.end(self._response)


class _RecordingTransport(httpx.BaseTransport):
    def __init__(self, transport: httpx.BaseTransport, principal: Transport) -> None:
        self._transport = transport
        self._principal = principal

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        is_ours = _goes_to_api(request, self._principal)
        recording = _Recording(self._principal.exchanges, request, is_ours=is_ours)
        try:
            response = self._transport.handle_request(request)
        except httpx.TransportError:
            recording.end(None)
            raise
        response.stream = _RecordedStream(response, recording)
        return response

    def close(self) -> None:
        self._transport.close()


class _AsyncRecordingTransport(httpx.AsyncBaseTransport):
    def __init__(self, transport: httpx.AsyncBaseTransport, principal: Transport) -> None:
        self._transport = transport
        self._principal = principal

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        is_ours = _goes_to_api(request, self._principal)
        recording = _Recording(self._principal.exchanges, request, is_ours=is_ours)
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError:
            recording.end(None)
            raise
        response.stream = _RecordedStream(response, recording)
        return response

    async def aclose(self) -> None:
        await self._transport.aclose()
