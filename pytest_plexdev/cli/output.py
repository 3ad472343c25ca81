"""Print the result of a command: text for people, or one JSON object with ``--json``, also for an error.

The object is ``{"command", "ok", "exit_code", "result", "error"}`` for every command: ``ok`` says that the exit code is
0, ``error`` is ``{"tag", "what", "why", "fix", "detail", "advice"}`` or null. Nothing else is written to standard
output then.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final, NoReturn

from pytest_plexdev.core.lookup import hint
from pytest_plexdev.errors import PlexdevError

USAGE: Final = 2
"""Exit code of a command line that is wrong."""


class CommandError(Exception):
    """A failure that is no entry of the catalogue: what the API refused, for example."""

    def __init__(self, tag: str, what: str, *, exit_code: int) -> None:
        super().__init__(what)
        self.tag = tag
        self.what = what
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"plexdev[{self.tag}]: {self.what}"


class UsageError(Exception):
    """A command line that is wrong."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.program = parser.prog
        self.usage = parser.format_usage()


class Parser(argparse.ArgumentParser):
    """Raises :class:`UsageError` in place of ending the process; its subparsers do too."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # Who abbreviates --json gets its object, and an error would not know.
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        self._refuse_unknown_options(arguments[0] if arguments else options.get("args"))
        parsed, unknown = super().parse_known_args(*arguments, **options)
        if unknown and " " in self.prog:
            self._refuse(unknown)
        return parsed, unknown

    def _refuse_unknown_options(self, words: Sequence[str] | None) -> None:
        """Before argparse takes what follows such an option for an argument, and complains of that."""
        if " " not in self.prog or self._subparsers is not None:
            return
        for word in itertools.takewhile(lambda word: word != "--", words or ()):
            if _is_option(word) and not self._has_option(word):
                self._refuse([word])

    def _has_option(self, word: str) -> bool:
        is_known = word.partition("=")[0] in self._option_string_actions
        return is_known or (word[1] != "-" and word[:2] in self._option_string_actions)

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        # A command refuses what is none of its own: argparse has the whole command line do it, whose usage
        # names no option.
        option = unknown[0].partition("=")[0]
        meant = hint(option, self._option_string_actions) if option.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant and f'; {meant}'}")

    def error(self, message: str) -> NoReturn:
        raise UsageError(self, message)


def _is_option(word: str) -> bool:
    """Whether argparse takes *word* for an option: not ``-``, a negative number, or what has blanks in it."""
    return len(word) > 1 and word.startswith("-") and not word[1].isdigit() and " " not in word


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line asks for JSON, one that cannot be parsed included."""
    names = [word.partition("=")[0] for word in words]
    return "--json" in names or "--output=json" in words or ("--output", "json") in pairwise(words)


def report_result(options: argparse.Namespace, result: object, text: Callable[[], str]) -> None:
    """Print the text or, with ``--json``, keep *result* for the object that :func:`print_result` prints at the end."""
    if options.json:
        options.result = result
    else:
        print(text())


def report_done(options: argparse.Namespace, lines: Sequence[str]) -> None:
    """Report the steps that a command took, a line each."""
    report_result(options, {"done": list(lines)}, lambda: "\n".join(lines))


def print_result(options: argparse.Namespace, code: int) -> None:
    """Print the object of a command that came to its end."""
    _print(options.command, code, result=getattr(options, "result", None))


def print_error(command: str | None, error: BaseException, code: int) -> None:
    """Print the object of a command that failed."""
    _print(command, code, error=_encoded(error))


def _encoded(error: BaseException) -> dict[str, object]:
    return {**_described(error), "advice": [asdict(each) for each in getattr(error, "advice", ())]}


def _described(error: BaseException) -> dict[str, str]:
    if isinstance(error, PlexdevError):
        return {"tag": error.tag, "what": error.what, "why": error.why, "fix": error.fix, "detail": error.detail}
    if isinstance(error, CommandError):
        return {"tag": error.tag, "what": error.what, "why": "", "fix": "", "detail": ""}
    if isinstance(error, UsageError):
        fix = f"{error.program} --help"
        return {"tag": "usage", "what": str(error), "why": error.usage.strip(), "fix": fix, "detail": ""}
    notes = "; ".join(getattr(error, "__notes__", ()))
    return {"tag": "interrupted", "what": "interrupted", "why": "", "fix": "", "detail": notes}


def _print(command: str | None, code: int, *, result: object = None, error: object = None) -> None:
    said: dict[str, Any] = {"command": command, "ok": code == 0, "exit_code": code, "result": result, "error": error}
    sys.stdout.write(json.dumps(said, indent=2, default=str) + "\n")
