"""``plexdev reset`` and ``plexdev restart SERVICE``: change a running stack."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_plexdev.cli import completers
from pytest_plexdev.cli.output import add_json, report_result
from pytest_plexdev.cli.stack_parser import add_directory, add_stack_choice

if TYPE_CHECKING:
    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.core.provider_parts import Changed, Changes


def add_change_commands(commands: Any) -> None:
    """Add the commands, each of which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    reset = commands.add_parser(
        "reset", help="bring back the seeded state of the stack: database, relations, stream and caches; logins end"
    )
    reset.set_defaults(run=_reset)
    restart = commands.add_parser("restart", help="start services of the stack again and wait until they are ready")
    restart.add_argument(
        "services",
        metavar="SERVICE",
        nargs="+",
        completer=completers.restartable,
        help="name of a service, as in plexdev status",
    )
    restart.set_defaults(run=_restart)
    for parser in (reset, restart):
        add_stack_choice(parser)
        add_directory(parser)
        add_json(parser)


def restartable_services(chosen: str | None, *, directory: Path | None) -> Sequence[str]:
    """Return the names of the services of the running stack that can be restarted.

    Raises:
        PlexdevError: ``stack-missing``, ``kept-stack-missing``; the stack cannot be read.
    """
    return _find(chosen, directory)[1].services()


def _reset(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli.progress import show

    info, changes = _find(options.stack, options.directory, even_silent=False)
    began = time.monotonic()
    with show(as_json=options.json) as progress:
        changed = changes.reset(progress)
    seconds = time.monotonic() - began
    first = f"plexdev: the {info.provider} stack is reset ({seconds:.1f} s)"
    text = [
        first,
        "  state      as after its bring-up: database, relations, stream and caches",
        "  logins     have ended: plexdev login",
        *(f"  note       {note}" for note in changed.notes),
    ]
    report_result(options, _result(changed, seconds), lambda: "\n".join(text))
    return 0


def _restart(options: argparse.Namespace) -> int:
    from pytest_plexdev.cli.progress import show
    from pytest_plexdev.core.lookup import unknown_name

    info, changes = _find(options.stack, options.directory)
    known = changes.services()
    services = list(dict.fromkeys(options.services))
    for service in services:
        if service not in known:
            raise unknown_name(f"the {info.provider} stack", "restartable service", service, known)
    began = time.monotonic()
    with show(as_json=options.json) as progress:
        changed = changes.restart(services, progress)
    seconds = time.monotonic() - began
    verb = "is" if len(services) == 1 else "are"
    text = [
        f"plexdev: {', '.join(services)} {verb} ready again ({seconds:.1f} s)",
        *(f"  note       {note}" for note in changed.notes),
    ]
    report_result(options, {"services": services, **_result(changed, seconds)}, lambda: "\n".join(text))
    return 0


def _find(chosen: str | None, directory: Path | None, *, even_silent: bool = True) -> tuple[StackInfo, Changes]:
    """The running stack.

    Args:
        even_silent: Also one whose API does not answer, because a restart may repair it.
    """
    from pytest_plexdev.cli import attach

    find = attach.find_any if even_silent else attach.find_usable
    attached = find(chosen, directory=directory)
    return attached.info, attached.provider.changes(attached.info)


def _result(changed: Changed, seconds: float) -> dict[str, object]:
    import msgspec

    stack = msgspec.to_builtins(changed.info, enc_hook=str)
    return {"seconds": round(seconds, 3), "notes": list(changed.notes), "stack": stack}
