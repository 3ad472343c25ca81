"""Probe a server in its own protocol.

Each probe returns what the server says of its version, or raises ``OSError`` or ``ProbeError`` where it does not
answer yet. Where the stack holds a listening socket, the question is put once and waits in the socket's queue:
the answer comes the moment that the program serves.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import unquote_to_bytes, urlsplit

from pytest_plexdev.core.untrusted_json import decode_json

Probe: TypeAlias = Callable[[], Awaitable[str]]

_PAUSE: Final = 0.004
"""Seconds between two questions to a server that refuses; short against the milliseconds that it starts in."""
_HTTP2_HELLO: Final = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\x04" + bytes(5)
_HTTP2_SETTINGS: Final = 4
_POSTGRES_3_0: Final = 196608


class ProbeError(Exception):
    """It answered, and the answer is not that it is ready."""


async def until_ready(probe: Probe) -> str:
    """Ask until it is ready; the caller sets the deadline."""
    while True:
        with contextlib.suppress(OSError, EOFError, ProbeError):
            return await probe()
        await asyncio.sleep(_PAUSE)


def accepts(port: int) -> Probe:
    """Somebody takes a connection; nothing is said on it."""

    async def ask() -> str:
        async with _connection(port):
            return ""

    return ask


def http(port: int, path: str) -> Probe:
    """200 for ``path``; the version is empty, since no path of ours says one."""

    async def ask() -> str:
        async with _connection(port) as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost:{port}\r\nConnection: close\r\n\r\n".encode())
            status = await reader.readline()
            if status.split(b" ")[1:2] != [b"200"]:
                body = (await reader.read()).partition(b"\r\n\r\n")[2]
                raise ProbeError(f"{status.decode().strip()} {body[:300].decode(errors='replace')}".strip())
        return ""

    return ask


def nats(url: str) -> Probe:
    """INFO, then PONG for a PING by the user that the URL names."""
    parts = urlsplit(url)
    assert parts.port is not None
    port = parts.port
    hello = {"verbose": False, **({"user": parts.username, "pass": parts.password} if parts.username else {})}

    async def ask() -> str:
        async with _connection(port) as (reader, writer):
            kind, _, said = (await reader.readline()).partition(b" ")
            if kind != b"INFO":
                raise ProbeError(f"greeted with {kind!r}")
            writer.write(f"CONNECT {json.dumps(hello)}\r\nPING\r\n".encode())
            answer = await reader.readline()
            if answer != b"PONG\r\n":
                raise ProbeError(f"no PONG but {answer.decode(errors='replace').strip()!r}")
        return str(decode_json(said)["version"])

    return ask


def grpc(target: str) -> Probe:
    """The server's HTTP/2 SETTINGS frame, which opens every gRPC connection.

    Args:
        target: ``unix:///path``, percent-encoded, or ``host:port``.
    """

    async def ask() -> str:
        async with _connection(_address(target)) as (reader, writer):
            writer.write(_HTTP2_HELLO)
            frame = await reader.readexactly(9)
            if frame[3] != _HTTP2_SETTINGS:
                raise ProbeError(f"opened with frame type {frame[3]}")
        return ""

    return ask


def _address(target: str) -> int | Path:
    if target.startswith("unix://"):
        return Path(os.fsdecode(unquote_to_bytes(target.removeprefix("unix://"))))
    return int(target.rpartition(":")[2])


def postgres(socket: Path, *, user: str, database: str, data: Path, first: str | None = None) -> Probe:
    """A session that is ready for queries; the version is ``server_version``.

    Args:
        first: A statement to run in it.

    Asked too early, Postgres writes a FATAL into its log: so its lock file is looked at first, as ``pg_ctl`` does.
    """

    async def ask() -> str:
        if not _says_ready(data / "postmaster.pid"):
            raise ProbeError("it is starting")
        async with postgres_session(socket, user=user, database=database) as session:
            if first is not None:
                await session.execute(first)
            return session.version

    return ask


def _says_ready(lock_file: Path) -> bool:
    # pidfile.h: the eighth line is the postmaster's status.
    return lock_file.read_text(encoding="utf-8", errors="replace").splitlines()[7:8] == ["ready   "]


def postgres_greeting(port: int) -> Probe:
    """Over TCP, where a password is asked for: the server's authentication request is answer enough."""

    async def ask() -> str:
        async with _connection(port) as (reader, writer):
            writer.write(_startup("plexsphere", "plexsphere"))
            kind = await reader.readexactly(1)
            if kind != b"R":
                raise ProbeError(_message(await reader.read(300)))
        return ""

    return ask


def _message(response: bytes) -> str:
    """What a server's ErrorResponse says to a person: its field M (protocol-error-fields)."""
    fields = response[4:].split(b"\0")
    said = next((field[1:] for field in fields if field[:1] == b"M"), b"it answered in another protocol")
    return said.decode(errors="replace")


def _startup(user: str, database: str) -> bytes:
    words = f"user\0{user}\0database\0{database}\0\0".encode()
    return struct.pack("!ii", len(words) + 8, _POSTGRES_3_0) + words


class PostgresSession:
    """The few messages of Postgres's protocol that a probe and two statements need (protocol-flow, 3.0)."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.version = ""

    async def begin(self, user: str, database: str) -> None:
        self._writer.write(_startup(user, database))
        await self._until_ready_for_query()

    async def execute(self, statement: str) -> None:
        """Run one statement and throw its rows away."""
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
    """A session over the Unix socket, where ``pg_hba.conf`` trusts.

    Raises:
        OSError: Nobody listens yet.
        ProbeError: The server refuses.
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
    """A connection to a port of 127.0.0.1, or to a Unix socket."""
    if isinstance(at, Path):
        reader, writer = await asyncio.open_unix_connection(at)
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", at)
    try:
        yield reader, writer
    finally:
        writer.close()
