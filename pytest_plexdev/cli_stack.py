"""``plexdev up``, ``status``, ``wait``, ``down``, ``env``, ``logs``: the life of the warm stack."""

from __future__ import annotations

import argparse
import contextlib
import json
import shlex
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.errors import NO_SUCH_LOG, NOT_IN_THIS_VERSION, NOT_READY_IN_TIME, PlexdevError
from pytest_plexdev.options import OPTIONS

if TYPE_CHECKING:
    from pytest_plexdev.stack.model import StackInfo, Verdict

_LOOK_AGAIN: Final = 0.1
"""Seconds between two looks of ``wait``: it waits for other people's servers, which no handle here can watch."""


def add_stack_commands(commands: Any) -> None:
    """Add them to what ``ArgumentParser.add_subparsers`` returned; each sets ``run``."""
    up = commands.add_parser("up", help="bring up a stack and leave it running")
    up.add_argument("--stack", choices=("embedded", "kind"), default="embedded", help="default: %(default)s")
    up.add_argument("--prefer", choices=("real", "stand-in"), default="real", help="Dex and SpiceDB on PATH, or not")
    up.add_argument("--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="default: %(default)s")
    up.set_defaults(run=_up)

    status = commands.add_parser("status", help="say of each service whether it is there; exit code 0: all are")
    status.set_defaults(run=_status)

    wait = commands.add_parser("wait", help="wait until the stack is ready; exit code 124: it was not in time")
    wait.add_argument("--timeout", type=_seconds, default=60.0, metavar="SECONDS", help="default: %(default)s")
    wait.set_defaults(run=_wait)

    down = commands.add_parser("down", help="end the stack")
    down.set_defaults(run=_down)

    env = commands.add_parser("env", help='print shell exports: eval "$(plexdev env)"')
    env.set_defaults(run=_env)

    logs = commands.add_parser("logs", help="print what a service wrote")
    logs.add_argument("service", metavar="SERVICE")
    logs.add_argument("--follow", "-f", action="store_true", help="go on printing until Ctrl-C")
    logs.set_defaults(run=_logs)

    for parser in (up, status, env):
        parser.add_argument("--json", action="store_true", help="for programs")
    for parser in (status, down, env, logs):
        parser.add_argument(
            "--directory", type=Path, metavar="DIR", help="of a stack that a test run kept; default: the warm one"
        )


def _seconds(text: str) -> float:
    parse = next(option.parse for option in OPTIONS if option.name == "timeout")
    try:
        seconds: float = parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text}: must be {error}") from None
    return seconds


def _up(options: argparse.Namespace) -> int:
    from pytest_plexdev.progress import show
    from pytest_plexdev.stack.embedded.settings import API_PORT, IDP_PORT, WARM_ID, EmbeddedSettings
    from pytest_plexdev.stack.embedded.warm import bring_up_warm, parts_that_differ

    if options.stack != "embedded":
        raise PlexdevError(
            NOT_IN_THIS_VERSION,
            what=f"plexdev up --stack {options.stack}",
            why="this version brings up the embedded stack",
            instead="plexdev up --stack embedded",
        )
    settings = EmbeddedSettings(
        id=WARM_ID, prefer=options.prefer, timeout=options.timeout, api_port=API_PORT, idp_port=IDP_PORT
    )
    began = time.monotonic()
    with show(as_json=options.json) as progress:
        info, is_new = bring_up_warm(settings, progress)
    differ = [] if is_new else parts_that_differ(settings, info)
    if options.json:
        _print_json({"new": is_new, "differ": differ, "stack": _plain(info)})
        return 0
    _print(_welcome(info, is_new=is_new, seconds=time.monotonic() - began))
    if differ:
        _print(f"  note       a new one with --prefer {options.prefer} would have another {' and '.join(differ)}:")
        _print("             plexdev down && plexdev up" + f" --prefer {options.prefer}")
    return 0


def _welcome(info: StackInfo, *, is_new: bool, seconds: float) -> str:
    stand_ins = [f"{service.name} for {service.stands_in_for}" for service in info.services if service.stands_in_for]
    first = f"ready after {seconds:.1f} s" if is_new else f"already running since {_clock(info.started_at)}"
    return "\n".join(
        [
            f"plexdev: the stack is {first}",
            f"  api        {info.endpoints.api}",
            f"  issuer     {info.endpoints.issuer}",
            f"  database   {info.endpoints.database}",
            f"  nats       {info.endpoints.nats}",
            f"  stand-ins  {', '.join(stand_ins)}",
            f"  left out   {', '.join(info.left_out)}",
            "  next       pytest --dev-stack; plexdev login; plexdev down",
        ]
    )


def _status(options: argparse.Namespace) -> int:
    from pytest_plexdev.progress import verdict_table

    verdicts = _verdicts(_running(options.directory))
    if options.json:
        _print_json([{"name": v.name, "state": v.state, "reason": v.reason, "hint": v.hint} for v in verdicts])
    else:
        _print(verdict_table(verdicts))
    return 0 if all(verdict.state == "ready" for verdict in verdicts) else 1


def _wait(options: argparse.Namespace) -> int:
    deadline = time.monotonic() + options.timeout
    while True:
        reason = _why_not_ready()
        if not reason:
            return 0
        if time.monotonic() >= deadline:
            raise PlexdevError(NOT_READY_IN_TIME, seconds=options.timeout, reason=reason)
        time.sleep(_LOOK_AGAIN)


def _why_not_ready() -> str:
    try:
        verdicts = _verdicts(_running())
    except PlexdevError as error:
        return str(error.failure.what)
    waiting = [f"{verdict.name}: {verdict.reason}" for verdict in verdicts if verdict.state != "ready"]
    return "; ".join(waiting)


def _down(options: argparse.Namespace) -> int:
    from pytest_plexdev.stack.embedded.provider import end
    from pytest_plexdev.stack.embedded.warm import warm_directory

    directory: Path = options.directory or warm_directory()
    if not (directory / "supervisor.json").exists():
        _print(f"plexdev: nothing to end: there is no stack in {directory}")
        return 0
    end(directory)
    if options.directory:
        # The run that kept the stack has left its own directory around it.
        with contextlib.suppress(OSError):
            directory.absolute().parent.rmdir()
    _print("plexdev: the stack is down")
    return 0


def _env(options: argparse.Namespace) -> int:
    info = _running(options.directory)
    variables = {
        "PLEXSPHERE_URL": info.endpoints.api,
        "PLEXSPHERE_ISSUER": info.endpoints.issuer,
        "DATABASE_URL": info.endpoints.database or "",
        "NATS_URL": info.endpoints.nats or "",
    }
    if options.json:
        _print_json(variables)
    else:
        _print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items()))
    return 0


def _logs(options: argparse.Namespace) -> int:
    directory = _running(options.directory).directory / "logs"
    known = sorted(log.stem for log in directory.glob("*.log"))
    if options.service not in known:
        raise PlexdevError(NO_SUCH_LOG, service=options.service, known=", ".join(known), example="plexsphere")
    with (directory / f"{options.service}.log").open("rb") as log:
        while True:
            sys.stdout.buffer.write(log.read())
            sys.stdout.buffer.flush()
            if not options.follow:
                return 0
            time.sleep(_LOOK_AGAIN)


def _running(directory: Path | None = None) -> StackInfo:
    from pytest_plexdev import choose

    return choose.warm(directory=directory).info


def _verdicts(info: StackInfo) -> Sequence[Verdict]:
    from pytest_plexdev.stack.embedded.state import verdicts

    return verdicts(info)


def _plain(info: StackInfo) -> Any:
    import msgspec

    return msgspec.to_builtins(info, enc_hook=str)


def _clock(moment: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(moment))


def _print(text: str) -> None:
    print(text)  # noqa: T201


def _print_json(value: object) -> None:
    _print(json.dumps(value, indent=2))
