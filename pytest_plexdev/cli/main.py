"""Parse the command line of ``plexdev`` and run one command. Most code of a command is imported when it runs."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from pytest_plexdev.cli.changes import add_change_commands
from pytest_plexdev.cli.completion import add_completion_command, answer_if_asked
from pytest_plexdev.cli.doctor import add_doctor_command
from pytest_plexdev.cli.environment import warn_of_unknown_variables
from pytest_plexdev.cli.help_page import AddCommands, GroupedParser
from pytest_plexdev.cli.images import add_images_commands
from pytest_plexdev.cli.manifests import add_manifests_command
from pytest_plexdev.cli.nouns import add_list_command, add_nouns
from pytest_plexdev.cli.open_page import add_open_command
from pytest_plexdev.cli.output import (
    USAGE,
    CommandError,
    UsageError,
    print_error,
    print_result,
    wants_json,
)
from pytest_plexdev.cli.psql import add_psql_command
from pytest_plexdev.cli.report import add_report_command
from pytest_plexdev.cli.sign_in import add_sign_in_commands
from pytest_plexdev.cli.stack_parser import add_stack_commands
from pytest_plexdev.core.signals import Terminated, keep_exit_statuses, raising_terminated
from pytest_plexdev.errors import PlexdevError

_CTRL_C = 130
_COMMANDS: Final[Mapping[str, Sequence[AddCommands]]] = {
    "the stack": [add_stack_commands, add_change_commands],
    "people and data": [add_sign_in_commands, add_psql_command, add_open_command, add_report_command],
    "objects of the control plane, by plexctl's nouns and verbs": [add_nouns, add_list_command],
    "repair and maintenance": [
        add_doctor_command,
        add_images_commands,
        add_manifests_command,
        add_completion_command,
    ],
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. A failure of the catalogue is printed without a traceback.

    Args:
        arguments: The command line; by default ``sys.argv[1:]``.

    Raises:
        SystemExit: 2 for an invalid command line; 0 for ``--help`` and ``--version``.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        with raising_terminated():
            return _run(words)
    except _VersionRequested:
        _print_version(words)
        raise
    except BrokenPipeError:
        # `plexdev logs plexsphere | head`: no error. Standard output is replaced, because Python flushes it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(words: Sequence[str]) -> int:
    options: argparse.Namespace | None = None
    keep_exit_statuses()
    try:
        parser = build_parser()
        answer_if_asked(parser)
        options = parser.parse_args(words)
        warn_of_unknown_variables(as_json=wants_json(words))
        code: int = options.run(options)
        if options.json:
            print_result(options, code)
        sys.stdout.flush()
    except UsageError as error:
        return _refuse_usage(words, error)
    except (PlexdevError, CommandError) as error:
        return _fail(words, options, error, error.exit_code, str(error))
    except Terminated as error:
        return _report_termination(words, options, error)
    except KeyboardInterrupt as error:
        return _fail(words, options, error, _CTRL_C, _with_notes("plexdev: interrupted", error))
    except BrokenPipeError:
        raise
    except Exception as error:
        if (ended := _terminated_before(error)) is not None:
            return _report_termination(words, options, ended)
        from pytest_plexdev.core.system_errors import refusal_of

        command = options.command if options is not None else ""
        refusal = refusal_of(error, doing=f"run `plexdev {command}`", near=Path.cwd())
        if refusal is None:
            raise
        return _fail(words, options, refusal, refusal.exit_code, str(refusal))
    return code


def _report_termination(words: Sequence[str], options: argparse.Namespace | None, error: Terminated) -> int:
    with contextlib.suppress(OSError):  # the terminal may be closed
        text = _with_notes(f"plexdev: ended by {error.signal.name}", error)
        _fail(words, options, error, error.exit_code, text)
    return error.exit_code


def _with_notes(text: str, error: BaseException) -> str:
    """*text* with the notes of *error*, which describe what was cleaned up."""
    return "; ".join([text, *getattr(error, "__notes__", ())])


def _terminated_before(error: BaseException) -> Terminated | None:
    """The signal during whose handling *error* was raised, for example because the terminal was closed."""
    before = error.__context__
    while before is not None and not isinstance(before, Terminated):
        before = before.__context__
    return before


def _fail(words: Sequence[str], options: argparse.Namespace | None, error: BaseException, code: int, text: str) -> int:
    if wants_json(words):
        print_error(options.command if options is not None else None, error, code)
        sys.stdout.flush()
    else:
        print(text, file=sys.stderr)
        _annotate_job(error)
    return code


def _annotate_job(error: BaseException) -> None:
    """Annotate the CI job that runs this command, if one does."""
    if isinstance(error, PlexdevError) and "GITHUB_ACTIONS" in os.environ:
        from pytest_plexdev.core.ci_log import Annotation, find_ci_log

        lines = [error.what, *([f"why: {error.why}"] if error.why else ()), f"fix: {error.fix}"]
        if (log := find_ci_log()) is not None:
            annotation = Annotation(title=f"plexdev[{error.tag}]", text="\n".join(lines))
            print(log.annotation(annotation), file=sys.stderr)


def _refuse_usage(words: Sequence[str], error: UsageError) -> int:
    if wants_json(words):
        print_error(error.program.removeprefix("plexdev").strip().partition(" ")[0] or None, error, USAGE)
    else:
        print(f"{error.usage}{error.program}: error: {error}", file=sys.stderr)
    raise SystemExit(USAGE)


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = GroupedParser(prog="plexdev", description="Start, use and stop the plexsphere dev stack.")
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    parser.add_groups(_COMMANDS)
    return parser


class _VersionRequested(SystemExit):
    """Raised for ``--version``, because the whole command line decides how the version is printed (``--json``)."""


class _Version(argparse.Action):
    def __call__(self, *_: Any) -> None:
        raise _VersionRequested(0)


def _print_version(words: Sequence[str]) -> None:
    from importlib.metadata import version  # lazy: slower to import than most commands are to parse

    installed = version("pytest-plexdev")
    if wants_json(words):
        print_result(argparse.Namespace(command=None, result={"version": installed}), 0)
    else:
        print(f"plexdev {installed}")


if __name__ == "__main__":
    sys.exit(main())
