"""``plexdev``: the stack and the control plane from a shell. Each command's code is imported when it is chosen."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_plexdev.cli_doctor import add_doctor_command
from pytest_plexdev.cli_images import add_images_commands
from pytest_plexdev.cli_kind import add_manifests_command
from pytest_plexdev.cli_plane import add_plane_commands
from pytest_plexdev.cli_stack import add_stack_commands
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.signals import keep_exit_statuses

_CTRL_C = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; an expected failure is printed without a traceback."""
    options = _parser().parse_args(arguments)
    keep_exit_statuses()
    try:
        code: int = options.run(options)
        sys.stdout.flush()
    except PlexdevError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    except KeyboardInterrupt:
        print("plexdev: interrupted", file=sys.stderr)  # noqa: T201
        return _CTRL_C
    except BrokenPipeError:
        # `plexdev logs plexsphere | head`: the reader has what it wanted; nothing may be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        from pytest_plexdev.stack.system_errors import refusal_of

        refusal = refusal_of(error, doing=f"run `plexdev {options.command}`", near=Path.cwd())
        if refusal is None:
            raise
        print(refusal, file=sys.stderr)  # noqa: T201
        return refusal.exit_code
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="plexdev", description="The plexsphere dev stack, from a shell.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_stack_commands(commands)
    add_manifests_command(commands)
    add_images_commands(commands)
    add_doctor_command(commands)
    add_plane_commands(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
