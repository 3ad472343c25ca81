"""``plexdev psql``: run psql against the stack's database."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess  # nosec B404
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

from pytest_plexdev.cli.output import add_json
from pytest_plexdev.cli.stack_parser import add_directory, add_stack_choice
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.system import PSQL_MISSING

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack

_PROGRAM: Final = "psql"
_SIGNALLED: Final = 128


def add_psql_command(commands: Any) -> None:
    """Add the command, which sets ``run``.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = commands.add_parser("psql", help="run psql against the stack's database")
    parser.add_argument("arguments", nargs="*", metavar="ARGUMENT", help="after --: arguments of psql")
    add_stack_choice(parser)
    add_directory(parser)
    add_json(parser)
    parser.set_defaults(run=_psql)


def _psql(options: argparse.Namespace) -> int:
    program = shutil.which(_PROGRAM)
    if program is None:
        raise PlexdevError(PSQL_MISSING)
    with _attached_stack(options) as stack:
        # The environment, because every user of the machine can read the arguments of a process.
        environment = {**_without_libpq_variables(os.environ), **_libpq_variables(stack.database_url)}
        code, text = _run([program, *options.arguments], environment, captured=options.json)
    if options.json:
        options.result = {"text": text}
    return code


@contextmanager
def _attached_stack(options: argparse.Namespace) -> Iterator[Stack]:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.errors import SERVER_GONE
    from pytest_plexdev.testkit.stack import Stack

    attached = attach.find_any(options.stack, directory=options.directory)
    stack = Stack(attached.info, attached.provider, death=SERVER_GONE)
    try:
        yield stack
    finally:
        stack.close()


def _without_libpq_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment without the user's own ``PGSERVICE`` and the like, which would select another database."""
    return {name: value for name, value in environment.items() if not name.startswith("PG")}


def _libpq_variables(url: str) -> dict[str, str]:
    """The parts of a database's URL as the variables that libpq reads."""
    parts = urlsplit(url)
    values = {
        "PGHOST": parts.hostname,
        "PGPORT": str(parts.port) if parts.port is not None else None,
        "PGUSER": parts.username,
        "PGPASSWORD": parts.password,
        "PGDATABASE": parts.path.removeprefix("/"),
    }
    return {name: unquote(value) for name, value in values.items() if value}


def _run(command: Sequence[str], environment: Mapping[str, str], *, captured: bool) -> tuple[int, str]:
    """Run a program on this terminal and return its exit code, and its standard output if it is captured."""
    output = subprocess.PIPE if captured else None
    with subprocess.Popen(command, env=environment, stdout=output, encoding="utf-8", errors="replace") as process:
        # Ctrl-C cancels a query of psql and does not end it, so it must not end this process either.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            text, _ = process.communicate()
        except BaseException:
            process.terminate()
            raise
        finally:
            signal.signal(signal.SIGINT, before)
    code = process.returncode
    return (code if code >= 0 else _SIGNALLED - code), text or ""
