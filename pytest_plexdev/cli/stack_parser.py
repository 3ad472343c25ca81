"""The command lines of ``plexdev up``, ``status``, ``wait``, ``down``, ``env`` and ``logs``."""

from __future__ import annotations

import argparse
import re
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.cli import lifecycle
from pytest_plexdev.cli.completers import services
from pytest_plexdev.cli.output import add_json
from pytest_plexdev.cli.profile import add_profile
from pytest_plexdev.cli.seed import add_seed
from pytest_plexdev.cli.service import add_service, image_of
from pytest_plexdev.options import OPTIONS, Option
from pytest_plexdev.options.model import BRING_UP_SECONDS
from pytest_plexdev.stack.providers import DEFAULT, PROVIDERS

_MAX_PORT: Final = 65535
_SECONDS_OF_UNIT: Final = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}


def add_stack_commands(commands: Any) -> None:
    """Add the commands, each of which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    up = commands.add_parser("up", help="start a stack and leave it running")
    up.add_argument(
        "--stack",
        choices=sorted(PROVIDERS),
        help=f"{_option('stack').help}; default: {DEFAULT}",
    )
    up.add_argument(
        "--prefer",
        choices=("real", "stand-in"),
        help="embedded: use Dex and SpiceDB on PATH if installed, or always the stand-ins; default: real",
    )
    up.add_argument(
        "--timeout",
        type=_seconds,
        metavar="SECONDS",
        help=f"time limit; default: {_option('timeout').environment}, else {BRING_UP_SECONDS:g} (embedded: 60)",
    )
    up.add_argument(
        "--port", type=_port, metavar="PORT", help="embedded: port of the API (0: a free one); default: 8080"
    )
    up.add_argument(
        "--idp-port",
        type=_port,
        metavar="PORT",
        help="embedded: port of the identity provider (0: a free one); default: 5556",
    )
    add_seed(up)
    add_profile(up)
    up.add_argument("--prune", action="store_true", help="kind: remove the services that --profile lean omits")
    up.add_argument("--reapply", action="store_true", help="kind: apply all objects, also unchanged ones")
    up.add_argument(
        "--image",
        type=image_of,
        metavar="plexd=REF",
        help="with plexd: the image to deploy; default: PLEXDEV_IMAGES, else the tag of PLEXD_VERSION",
    )
    add_service(up, help="add a service to the running stack on kind (exit code 69 if it has no image)")
    up.set_defaults(run=lifecycle.up, refuse=up.error)

    status = commands.add_parser(
        "status", help="show the stack, its URLs and the state of every service (exit code 0 if all are ready)"
    )
    status.add_argument("--watch", action="store_true", help="show it live until Ctrl-C")
    status.set_defaults(run=lifecycle.status, refuse=status.error)

    wait = commands.add_parser(
        "wait", help="wait until the stack is ready (exit code 124 on timeout, 1 if it cannot become ready)"
    )
    wait.add_argument(
        "--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="time limit; default: %(default)s"
    )
    wait.set_defaults(run=lifecycle.wait)

    down = commands.add_parser(
        "down",
        help="stop the running stack, which deletes its cluster if plexdev created it; "
        "if several providers have a stack, --stack chooses",
    )
    add_service(down, help="remove this service only; the stack stays")
    down.add_argument("--force", action="store_true", help="kind: delete the cluster even if plexdev did not create it")
    down.set_defaults(run=lifecycle.down, refuse=down.error)

    env = commands.add_parser("env", help='print shell exports: eval "$(plexdev env)"')
    env.set_defaults(run=lifecycle.env)

    logs = commands.add_parser("logs", help="print the logs of services; without SERVICE, of all")
    logs.add_argument(
        "services", metavar="SERVICE", nargs="*", completer=services, help="name of a service, as in plexdev status"
    )
    logs.add_argument("--follow", "-f", action="store_true", help="print new lines until Ctrl-C")
    logs.add_argument(
        "--since", type=_duration, metavar="DURATION", help="only lines of the last 30s, 5m, 2h or 1d, for example"
    )
    logs.add_argument("--tail", type=_count, metavar="LINES", help="only the last lines of each log")
    logs.set_defaults(run=lifecycle.logs, refuse=logs.error)

    for parser in (status, wait, env, logs):
        add_stack_choice(parser)
    add_stack_choice(down, default="the only stack")
    for parser in (up, status, wait, down, env, logs):
        add_json(parser)
    for parser in (status, wait, down, env, logs):
        add_directory(parser)


def add_stack_choice(parser: argparse.ArgumentParser, *, default: str | None = None) -> None:
    """Add ``--stack``, which selects one of the running stacks.

    Args:
        default: The stack that the command uses without the option, worded for the help.
    """
    default = default or f"the first that has one: {', then '.join(PROVIDERS)}"
    parser.add_argument("--stack", choices=sorted(PROVIDERS), help=f"provider of the stack; default: {default}")


def add_directory(parser: argparse.ArgumentParser) -> None:
    """Add ``--directory``, which selects a stack that a test run kept."""
    parser.add_argument(
        "--directory",
        type=Path,
        metavar="DIR",
        help="directory of a stack that a test run kept; default: the warm stack",
    )


def _option(name: str) -> Option:
    """The option of pytest with this name."""
    return next(option for option in OPTIONS if option.name == name)


def _seconds(text: str) -> float:
    try:
        seconds: float = _option("timeout").parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: must be {error}") from None
    return seconds


def _duration(text: str) -> float:
    """Parse a duration with a unit; without one it is in seconds."""
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text}: must be a number with the unit s, m, h or d")
    return float(found[1]) * _SECONDS_OF_UNIT[found[2]]


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text}: must be a number of lines")
    return int(text)


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > _MAX_PORT:
        raise argparse.ArgumentTypeError(f"{text}: must be a number from 0 to {_MAX_PORT}; 0: a free port")
    return int(text)
