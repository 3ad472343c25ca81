"""A control plane that does nothing: the programs of an embedded stack, when the stack itself is what is tested.

It imports nothing heavy, so a bring-up costs what the supervisor and the servers cost.
"""

# ruff: noqa: T201
from __future__ import annotations

import signal
import socket
import sys
import time

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
_SETTINGS_FRAME = bytes(3) + b"\x04" + bytes(5)


def main(program: str, listen: str = "") -> None:
    print(f"{program}: hello", flush=True)
    match program:
        case "api" | "idp":
            _serve(socket.socket(fileno=int(listen.removeprefix("fd:"))), _ANSWER)
        case "signer":
            host, port = listen.split(":")
            _serve(socket.create_server((host, int(port))), _SETTINGS_FRAME)
        case "silent":
            time.sleep(60)
        case "broken":
            print("broken: no such option --listen", file=sys.stderr)
            sys.exit(7)


def _serve(sock: socket.socket, answer: bytes) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    while True:
        connection, _ = sock.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(answer)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[sys.argv.index("--listen") + 1] if "--listen" in sys.argv else "")
