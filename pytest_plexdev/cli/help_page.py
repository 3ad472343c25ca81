"""The parser of the whole command line, whose help groups the commands."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

from pytest_plexdev.cli.output import Parser

AddCommands: TypeAlias = Callable[[Any], None]
"""Adds commands to the result of ``ArgumentParser.add_subparsers``."""


class GroupedParser(Parser):
    """A parser of commands in groups. Its help has the gist of each command's own help."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._groups: dict[str, Mapping[str, str]] = {}

    def add_groups(self, groups: Mapping[str, Sequence[AddCommands]]) -> None:
        """Add the commands of each group.

        Args:
            groups: By the titles of the groups.
        """
        # Not the subparsers' default class: that would be this one.
        commands = self.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
        for title, adders in groups.items():
            known = set(commands.helps)
            for add in adders:
                add(commands)
            self._groups[title] = {name: text for name, text in commands.helps.items() if name not in known}

    def format_help(self) -> str:
        formatter = argparse.HelpFormatter(self.prog)
        formatter.add_usage(None, self._actions, [])
        formatter.add_text(self.description)
        for title, helps in self._groups.items():
            formatter.start_section(title)
            formatter.add_arguments(
                [argparse.Action([], name, metavar=name, help=_gist(text)) for name, text in helps.items()]
            )
            formatter.end_section()
        formatter.start_section("options")
        formatter.add_arguments([action for action in self._actions if action.option_strings])
        formatter.end_section()
        return formatter.format_help()


def _gist(text: str) -> str:
    """*text* up to a parenthesis, a semicolon, a relative clause or an example."""
    return re.split(r" \(|; |, which |: ", text, maxsplit=1)[0]
