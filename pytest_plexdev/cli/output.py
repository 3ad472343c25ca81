"""Print the result or the error of a command: as text, or as one JSON object with ``--json``.

The object is ``{"command", "ok", "exit_code", "result", "error"}`` for every command. ``ok`` is true if the exit code
is 0; ``error`` is ``{"tag", "what", "why", "fix", "detail", "advice"}`` or null. With ``--json``, nothing else is
written to standard output.
"""

from __future__ import annotations

import argparse
import itertools
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from itertools import pairwise
from typing import Any, Final, NoReturn, TypeAlias

from pytest_plexdev.core.lookup import hint
from pytest_plexdev.errors import PlexdevError

Completer: TypeAlias = Callable[..., Sequence[str]]
"""Called with the keyword ``parsed_args``, the arguments so far."""
USAGE: Final = 2
"""Exit code for an invalid command line."""


class CommandError(Exception):
    """A failure that is not in the catalogue, for example an error response of the API."""

    def __init__(self, tag: str, what: str, *, exit_code: int) -> None:
        super().__init__(what)
        self.tag = tag
        self.what = what
        self.exit_code = exit_code

    def __str__(self) -> str:
        return f"plexdev[{self.tag}]: {self.what}"


class UsageError(Exception):
    """An invalid command line."""

    def __init__(self, parser: argparse.ArgumentParser, message: str) -> None:
        super().__init__(message)
        self.program = parser.prog
        self.usage = parser.format_usage()


class Parser(argparse.ArgumentParser):
    """A parser that raises :class:`UsageError` instead of exiting. Its subparsers have the same class."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.option_strings: list[str] = []
        self.has_commands = False
        # No abbreviations: wants_json() must recognise --json in a command line that cannot be parsed.
        super().__init__(*arguments, **{"allow_abbrev": False, **options})

    def add_argument(
        self, *names: Any, group: Any = None, completer: Completer | None = None, **settings: Any
    ) -> argparse.Action:
        """Add an argument, and remember its option strings for suggestions.

        Args:
            group: The group of this parser to add it to, in place of the group's own method.
            completer: Lists its values for a shell; choices need none.
        """
        add = super().add_argument if group is None else group.add_argument
        action: argparse.Action = add(*names, **settings)
        if completer is not None:
            action.completer = completer  # type: ignore[attr-defined] # argcomplete's interface
        self.option_strings += action.option_strings
        return action

    def add_subparsers(self, **settings: Any) -> Any:
        self.has_commands = True
        return Commands(super().add_subparsers(**settings))

    def parse_known_args(self, *arguments: Any, **options: Any) -> Any:
        self._refuse_unknown_options(arguments[0] if arguments else options.get("args"))
        parsed, unknown = super().parse_known_args(*arguments, **options)
        if unknown and " " in self.prog:
            self._refuse(unknown)
        return parsed, unknown

    def _refuse_unknown_options(self, words: Sequence[str] | None) -> None:
        """Reject unknown options first: argparse would reject the word after one as an unexpected argument."""
        if self.has_commands:
            return
        for word in itertools.takewhile(lambda word: word != "--", words or ()):
            if _is_option(word) and not self._has_option(word):
                self._refuse([word])

    def _has_option(self, word: str) -> bool:
        is_known = word.partition("=")[0] in self.option_strings
        return is_known or (word[1] != "-" and word[:2] in self.option_strings)

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        # By the command's own parser: argparse uses the top-level one, whose usage does not list the options.
        option = unknown[0].partition("=")[0]
        meant = hint(option, self.option_strings) if option.startswith("-") else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{meant and f'; {meant}'}")

    def error(self, message: str) -> NoReturn:
        raise UsageError(self, message)


class Commands:
    """The commands of a parser. A command added without ``help`` is an alias, which no help shows."""

    def __init__(self, subparsers: Any) -> None:
        self._subparsers = subparsers
        self.helps: dict[str, str] = {}
        """The help of each command that has one."""

    def add_parser(self, name: str, **texts: Any) -> Any:
        """Add a command. Its own help begins with its help in the list of commands."""
        if "help" in texts:
            self.helps[name] = text = texts["help"]
            texts.setdefault("description", f"{text[:1].upper()}{text[1:]}.")
        return self._subparsers.add_parser(name, **texts)


def _is_option(word: str) -> bool:
    """Whether argparse treats *word* as an option: not ``-``, a negative number, or a word with spaces."""
    return len(word) > 1 and word.startswith("-") and not word[1].isdigit() and " " not in word


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add ``--json``."""
    parser.add_argument("--json", action="store_true", help="print one JSON object, for programs")


def add_output_alias(parser: argparse.ArgumentParser) -> None:
    """Add the hidden ``--output json``: what ``--json`` of ``whoami`` and the lists was called."""
    parser.add_argument("--output", choices=("text", "json"), default="text", help=argparse.SUPPRESS)


def wants_json(words: Sequence[str]) -> bool:
    """Whether a command line selects JSON output, even if it cannot be parsed."""
    names = [word.partition("=")[0] for word in words]
    return "--json" in names or "--output=json" in words or ("--output", "json") in pairwise(words)


def report_result(options: argparse.Namespace, result: object, text: Callable[[], str]) -> None:
    """Print the text or, with ``--json``, store *result* for :func:`print_result`."""
    if options.json:
        options.result = result
    else:
        print(text())


def report_done(options: argparse.Namespace, lines: Sequence[str]) -> None:
    """Report the steps that a command took, one line each."""
    report_result(options, {"done": list(lines)}, lambda: "\n".join(lines))


def print_result(options: argparse.Namespace, code: int) -> None:
    """Print the JSON object of a command that completed."""
    _print(options.command, code, result=getattr(options, "result", None))


def print_error(command: str | None, error: BaseException, code: int) -> None:
    """Print the JSON object of a command that failed."""
    _print(command, code, error=_error_object(error))


def _error_object(error: BaseException) -> dict[str, object]:
    return {**_error_members(error), "advice": [asdict(each) for each in getattr(error, "advice", ())]}


def _error_members(error: BaseException) -> dict[str, str]:
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
    document: dict[str, Any] = {
        "command": command,
        "ok": code == 0,
        "exit_code": code,
        "result": result,
        "error": error,
    }
    sys.stdout.write(json.dumps(document, indent=2, default=str) + "\n")
