"""Render the page of the command line from its argument parsers."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Final

from docs.generate.markdown import sentence, table
from pytest_plexdev.cli.main import build_parser

_HEAD: Final = """\
# Command line

`plexdev` starts, uses and stops the stack from a shell. Without `--stack` and `--directory`, a command uses the stack
that `plexdev up` left running.

Exit codes: 0 success; 1 a state that is not good (a service is not ready, the doctor found something) or an expected
[error](errors.md) without a code of its own; 2 a wrong command line; 69 a service that this version does not have;
124 a time limit; 130 Ctrl-C.

With `--json` every command prints one JSON object, `{command, ok, exit_code, result, error}`, also after an error.

This page is generated from the parsers of `pytest_plexdev/cli/` (`make docs`).
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections(build_parser())])


def _sections(parser: argparse.ArgumentParser) -> Iterator[str]:
    """Yield a section for each command, except for commands that only group others."""
    for action in parser._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        helps = {choice.dest: choice.help or "" for choice in action._choices_actions}
        for name, command in action.choices.items():
            if name not in helps:
                continue  # an alias
            if groups := list(_sections(command)):
                yield from groups
                continue
            yield f"## {_typed(command)}\n\n{sentence(helps[name])}\n"
            if rows := list(_rows(command)):
                yield table(("argument", "meaning"), rows)


def _typed(command: argparse.ArgumentParser) -> str:
    """The command with the arguments that it requires."""
    required = (action for action in command._actions if not action.option_strings and action.nargs != "?")
    return " ".join([command.prog, *map(_value, required)])


def _rows(command: argparse.ArgumentParser) -> Iterator[tuple[str, str]]:
    formatter = argparse.HelpFormatter(command.prog)
    for action in command._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        value = _value(action)
        shown = ", ".join(f"`{flag} {value}`" if value else f"`{flag}`" for flag in action.option_strings)
        yield shown or f"`{value}`", formatter._expand_help(action) if action.help else ""


def _value(action: argparse.Action) -> str:
    if action.choices:
        return "|".join(map(str, action.choices))
    return "" if action.nargs == 0 else str(action.metavar or action.dest.upper())
