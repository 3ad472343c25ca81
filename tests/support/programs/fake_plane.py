"""A control plane that does nothing: the programs of an embedded stack, for tests of the stack itself.

It imports little, so a bring-up takes only the time of the supervisor and the servers.
"""

# ruff: noqa: T201
from __future__ import annotations

import os
import select
import signal
import socket
import struct
import sys
import time
from urllib.parse import unquote

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_SETTINGS_FRAME = bytes(3) + b"\x04" + bytes(5)


def main(program: str, listen: str = "") -> None:
    print(f"{program}: hello", flush=True)
    match program:
        case "api" | "idp":
            _serve(socket.socket(fileno=int(listen.removeprefix("fd:"))), _ANSWER)
        case "signer":
            sock = socket.socket(socket.AF_UNIX)
            sock.bind(unquote(listen.removeprefix("unix://")))
            sock.listen()
            _serve(sock, _SETTINGS_FRAME)
        case "api-that-looks-at-once":
            # Keeps its first database session, as the reference API does, and answers only while that is open.
            sock = socket.socket(fileno=int(listen.removeprefix("fd:")))
            database = _connect_to_postgres()
            _serve(sock, _ANSWER, while_open=database)
        case "needs-no-variable":
            if "BROKEN" in os.environ:
                print(f"BROKEN={os.environ['BROKEN']} PLEXSPHERE_ENV={os.environ.get('PLEXSPHERE_ENV')}")
                sys.exit(7)
            _serve(socket.socket(fileno=int(listen.removeprefix("fd:"))), _ANSWER)
        case "slow-migrate":
            time.sleep(0.3)
        case "silent":
            time.sleep(60)
        case "broken":
            print("broken: no such option --listen", file=sys.stderr)
            sys.exit(7)


def _connect_to_postgres() -> socket.socket:
    parts = dict(pair.split("=") for pair in os.environ["PLEXSPHERE_DATABASE_URL"].partition("?")[2].split("&"))
    path = f"{unquote(parts['host'])}/.s.PGSQL.{parts['port']}"
    while True:
        sock = socket.socket(socket.AF_UNIX)
        try:
            sock.connect(path)
        except OSError:
            sock.close()
            time.sleep(0.005)
            continue
        # Start-up packet of protocol 3.0; the session stays open.
        words = b"user\0plexsphere\0database\0plexsphere\0\0"
        sock.sendall(struct.pack("!ii", len(words) + 8, 196608) + words)
        if _is_ready(sock):
            return sock
        sock.close()


def _is_ready(sock: socket.socket) -> bool:
    received = b""
    while received[-6:-1] != b"Z\0\0\0\5":
        more = sock.recv(65536)
        if not more:
            return False
        received += more
    return True


def _is_open(sock: socket.socket) -> bool:
    # Readable without a query: Postgres has closed the session.
    return not select.select([sock], [], [], 0)[0]


def _serve(sock: socket.socket, answer: bytes, *, while_open: socket.socket | None = None) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        connection, _ = sock.accept()
        with connection:
            connection.recv(65536)
            if while_open is None or _is_open(while_open):
                connection.sendall(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[sys.argv.index("--listen") + 1] if "--listen" in sys.argv else "")
