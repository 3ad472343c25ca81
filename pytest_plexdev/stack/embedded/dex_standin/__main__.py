"""Run the stand-in: ``python -m pytest_plexdev.stack.embedded.dex_standin --listen fd:N|HOST:PORT --config FILE``.

Exits with status 0 immediately on SIGTERM or SIGINT, since it has no state to save. Exits with status 2 if the command
line, the configuration or the address is invalid.
"""

from __future__ import annotations

import argparse
import logging
import os
import re
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import msgspec
import uvicorn

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.embedded.dex_standin.app import create_app
from pytest_plexdev.stack.embedded.dex_standin.config import IdpConfig
from pytest_plexdev.stack.embedded.dex_standin.keys import signing_key
from pytest_plexdev.stack.embedded.dex_standin.users import Users
from pytest_plexdev.stack.embedded.dex_standin.users_api import serve_in_background

_ADDRESS = re.compile(r"(?P<host>\S+):(?P<number>\d{1,5})")
_MAX_PORT = 65535


class _Server(uvicorn.Server):
    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Exit at once. Uvicorn's own handler sets a flag that is polled every 100 ms, then waits for connections."""
        _end(sig, frame)


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    logging.basicConfig(format="%(asctime)s level=%(levelname)s msg=%(message)s", level=logging.INFO)
    arguments = _arguments()
    try:
        config = IdpConfig.read(arguments.config)
        key = signing_key(config.signing_key)
        listener = _listener(arguments.listen)
    except (OSError, ValueError, msgspec.MsgspecError, PlexdevError) as problem:
        sys.exit(_usage_error(problem))
    users = Users(config.users)
    if config.api_address:
        serve_in_background(users, config.api_address)
    settings = uvicorn.Config(
        create_app(config, key, users=users),
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    _Server(settings).run(sockets=[listener])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_plexdev.stack.embedded.dex_standin",
        description="An identity provider that behaves as Dex 2.41 does.",
    )
    parser.add_argument("--listen", required=True, metavar="fd:N|HOST:PORT")
    parser.add_argument("--config", required=True, type=Path, metavar="FILE")
    return parser.parse_args()


def _listener(address: str) -> socket.socket:
    parts = _ADDRESS.fullmatch(address)
    if parts is None or int(parts["number"]) > _MAX_PORT:
        raise ValueError(f"--listen wants fd:N or HOST:PORT, not {address!r}")
    host, number = parts["host"], int(parts["number"])
    if host == "fd":
        return socket.socket(fileno=number)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), number), family=family)


def _usage_error(problem: Exception) -> int:
    sys.stderr.write(f"identity provider: {problem}\n")
    return 2


def _end(number: int, _frame: FrameType | None) -> None:
    # This line shows later that a signal ended the process. Not by the logger: the interrupted code may hold its lock.
    os.write(2, f'level=INFO msg="stopping on signal" signal={signal.Signals(number).name}\n'.encode())
    # Not sys.exit(): inside a request, uvicorn would treat the exception as a failure of the application.
    os._exit(0)


if __name__ == "__main__":
    main()
