"""Probe a server in its own protocol.

A probe returns the server's version, or an empty string, and raises ``OSError`` or ``ProbeError`` if the server is not
ready. If the supervisor already listens on the server's socket, the first request waits in the socket's backlog and is
answered as soon as the server accepts it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

from pytest_plexdev.core.untrusted_json import decode_json

Probe: TypeAlias = Callable[[], Awaitable[str]]

_RETRY_INTERVAL_S: Final = 0.004
"""Short compared with the time that a server needs to start."""
_HTTP2_PREFACE: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_HTTP2_SETTINGS: Final = 4
_POSTGRES_3_0: Final = 196608


class ProbeError(Exception):
    """The server answered that it is not ready."""


async def until_ready(probe: Probe) -> str:
    """Repeat *probe* until it succeeds and return its result. The caller sets the deadline."""
    while True:
        with contextlib.suppress(OSError, EOFError, ProbeError):
            return await probe()
        await asyncio.sleep(_RETRY_INTERVAL_S)


def accepts(port: int) -> Probe:
    """Probe that a TCP connection is accepted; send nothing."""

    async def probe() -> str:
        async with _connection(port):
            return ""

    return probe


def http(port: int, path: str) -> Probe:
    """Probe for status 200 of *path*."""

    async def probe() -> str:
        await _request(port, f"GET {path}")
        return ""

    return probe


def writes(port: int, contents: Mapping[str, object], headers: Mapping[str, str]) -> Probe:
    """Probe by writing: POST each of *contents* as JSON to its path, until all are answered with 200."""

    async def probe() -> str:
        for path, content in contents.items():
            await _request(port, f"POST {path}", headers, json.dumps(content).encode())
        return ""

    return probe


async def _request(port: int, target: str, headers: Mapping[str, str] | None = None, body: bytes = b"") -> None:
    fields = {"Host": f"localhost:{port}", "Connection": "close", **(headers or {})}
    if body:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    async with _connection(port) as (reader, writer):
        writer.write(f"{target} HTTP/1.1\r\n{head}\r\n".encode() + body)
        status = await reader.readline()
        if status.split(b" ")[1:2] != [b"200"]:
            answer = (await reader.read()).partition(b"\r\n\r\n")[2]
            raise ProbeError(f"{status.decode().strip()} {answer[:300].decode(errors='replace')}".strip())


def nats(url: str) -> Probe:
    """Probe for INFO, then for PONG after a PING as the user in *url*."""
    parts = urlsplit(url)
    assert parts.port is not None
    port = parts.port
    options = {"verbose": False, **({"user": parts.username, "pass": parts.password} if parts.username else {})}

    async def probe() -> str:
        async with _connection(port) as (reader, writer):
            kind, _, info = (await reader.readline()).partition(b" ")
            if kind != b"INFO":
                raise ProbeError(f"greeted with {kind!r}")
            writer.write(f"CONNECT {json.dumps(options)}\r\nPING\r\n".encode())
            answer = await reader.readline()
            if answer != b"PONG\r\n":
                raise ProbeError(f"no PONG but {answer.decode(errors='replace').strip()!r}")
        return str(decode_json(info)["version"])

    return probe


def grpc(target: str) -> Probe:
    """Probe for the server's HTTP/2 SETTINGS frame, which opens every gRPC connection.

    Args:
        target: ``unix:///path``, percent-encoded, or ``host:port``.
    """

    async def probe() -> str:
        async with _connection(_address(target)) as (reader, writer):
            writer.write(_HTTP2_PREFACE)
            frame = await reader.readexactly(9)
            if frame[3] != _HTTP2_SETTINGS:
                raise ProbeError(f"opened with frame type {frame[3]}")
        return ""

    return probe


def _address(target: str) -> int | Path:
    if target.startswith("unix://"):
        return Path(os.fsdecode(unquote_to_bytes(target.removeprefix("unix://"))))
    return int(target.rpartition(":")[2])


def postgres(socket: Path, *, user: str, database: str, data: Path, statement: str | None = None) -> Probe:
    """Probe for a session that is ready for queries. Returns ``server_version``.

    It checks the server's lock file first, as ``pg_ctl`` does: a connection that is too early writes a FATAL into the
    server's log.

    Args:
        data: The data directory.
        statement: Executed in the session.
    """

    async def probe() -> str:
        if not _is_ready(data / "postmaster.pid"):
            raise ProbeError("it is starting")
        async with postgres_session(socket, user=user, database=database) as session:
            if statement is not None:
                await session.execute(statement)
            return session.version

    return probe


def _is_ready(lock_file: Path) -> bool:
    # pidfile.h: the eighth line is the postmaster's status.
    return lock_file.read_text(encoding="utf-8", errors="replace").splitlines()[7:8] == ["ready   "]


def postgres_greeting(port: int) -> Probe:
    """Probe over TCP for the server's authentication request. It needs no password."""

    async def probe() -> str:
        async with _connection(port) as (reader, writer):
            writer.write(_startup("plexsphere", "plexsphere"))
            kind = await reader.readexactly(1)
            if kind != b"R":
                raise ProbeError(_message(await reader.read(300)))
        return ""

    return probe


def _message(response: bytes) -> str:
    """The human-readable message of an ErrorResponse: its field M (protocol-error-fields)."""
    fields = response[4:].split(b"\0")
    message = next((field[1:] for field in fields if field[:1] == b"M"), b"it answered in another protocol")
    return message.decode(errors="replace")


def _startup(user: str, database: str) -> bytes:
    parameters = f"user\0{user}\0database\0{database}\0\0".encode()
    return struct.pack("!ii", len(parameters) + 8, _POSTGRES_3_0) + parameters


class PostgresSession:
    """The messages of Postgres's protocol 3.0 that a probe and simple statements need (protocol-flow)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.version = ""

    async def begin(self, user: str, database: str) -> None:
        self._writer.write(_startup(user, database))
        await self._until_ready_for_query()

    async def execute(self, statement: str) -> None:
        """Execute one statement and discard its rows."""
        text = statement.encode() + b"\0"
        self._writer.write(b"Q" + struct.pack("!i", len(text) + 4) + text)
        await self._until_ready_for_query()

    async def _until_ready_for_query(self) -> None:
        failure = ""
        while True:
            kind, size = struct.unpack("!ci", await self._reader.readexactly(5))
            body = await self._reader.readexactly(size - 4)
            match kind:
                case b"S" if body.startswith(b"server_version\0"):
                    self.version = body.split(b"\0")[1].decode()
                case b"E":
                    failure = " ".join(part[1:].decode() for part in body.split(b"\0") if part[:1] in b"SM")
                    if failure.startswith("FATAL"):
                        raise ProbeError(failure)
                case b"Z":
                    if failure:
                        raise ProbeError(failure)
                    return


@contextlib.asynccontextmanager
async def postgres_session(socket: Path, *, user: str, database: str) -> AsyncIterator[PostgresSession]:
    """Open a session over the Unix socket, for which ``pg_hba.conf`` requires no password.

    Raises:
        OSError: The server does not listen yet.
        ProbeError: The server refused the session.
    """
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        session = PostgresSession(reader, writer)
        await session.begin(user, database)
        yield session
        writer.write(b"X\0\0\0\4")
    finally:
        writer.close()


@contextlib.asynccontextmanager
async def _connection(at: int | Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Connect to a port of 127.0.0.1 or to a Unix socket."""
    if isinstance(at, Path):
        reader, writer = await asyncio.open_unix_connection(at)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", at)
    try:
        yield reader, writer
    finally:
        writer.close()
