"""Every command that a message or a page names exists and parses: read from the code's own texts, and from the docs."""

from __future__ import annotations

import argparse
import ast
import os
import re
import shlex
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.cli.main import build_parser
from pytest_plexdev.cli.output import UsageError
from pytest_plexdev.errors import CATALOGUE
from pytest_plexdev.options import OPTIONS
from pytest_plexdev.options.environment import TESTS_PREFIX, known_variables

ROOT: Final = Path(__file__).parents[2]
PAGES: Final = (
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
)
MODULES: Final = sorted((ROOT / "pytest_plexdev").rglob("*.py"))
SAMPLES: Final = {"option": "", "example": "plexsphere", "domain": "acme-corp", "or_end": ", or end it: kill 1"}
"""The value for each fact of a template; ``X`` for all others."""
PLEXDEV: Final = re.compile(r"(?<![\w/.*-])(\.venv/bin/)?plexdev((?: (?:'[^']*'|[^\s;,:`()|&'\"\\\\]+))+)")
MAKE: Final = re.compile(r"(?:`|\$ |: )(?:[A-Z_]+=\S+ )?make ([a-z][a-z0-9-]*)")
TOX: Final = re.compile(r"\btox -e ([a-z]+)")
ENVIRONMENTS: Final = set(re.findall(r"^\[testenv:([a-z]+)\]", (ROOT / "tox.ini").read_text(), re.MULTILINE))
TARGETS: Final = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
COMMANDS: Final = next(each for each in build_parser()._actions if isinstance(each, argparse._SubParsersAction)).choices
NO_COMMAND: Final = frozenset(
    ("created", "whatever", "does", "did", "made", "makes", "never", "keeps", "removes", "exits", "stack", "of")
)
"""Words that follow the project's name in a sentence about it."""


def texts() -> Iterator[tuple[str, str]]:
    """A place and a text: the catalogue's, and every string of the code."""
    for failure in CATALOGUE:
        for part in ("what", "why", "fix"):
            yield f"{failure.tag}.{part}", filled(getattr(failure, part))
    for path in MODULES:
        nodes = list(ast.walk(ast.parse(path.read_text())))
        parts = {id(part) for node in nodes if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in parts:
                yield f"{path.relative_to(ROOT)}:{node.lineno}", filled(node.value)
            elif isinstance(node, ast.JoinedStr):
                yield f"{path.relative_to(ROOT)}:{node.lineno}", joined(node)
    for page in PAGES:
        yield page.name, re.sub(r"\*[A-Z_]+\*", "X", page.read_text())


def filled(template: str) -> str:
    try:
        parts = list(string.Formatter().parse(template))
    except ValueError:
        return template
    return "".join(text + ("" if name is None else SAMPLES.get(name, "X")) for text, name, _, _ in parts)


def joined(node: ast.JoinedStr) -> str:
    return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)


def commands(text: str) -> Iterator[tuple[list[str], bool]]:
    """The words of each command, and whether it is one for sure: a path to the program stands before it."""
    for found in PLEXDEV.finditer(text):
        first, *others = (word.rstrip(".") for word in shlex.split(found[2]))
        # A line below or beside a title is none of its words.
        yield [first, *(word for word in others if word.strip("-") or word == "--")], found[1] is not None


def refusal(words: list[str]) -> str:
    """Why no beginning of these words is a command; empty where one is, and no option is left over."""
    reason = ""
    if words[-1].startswith("-"):
        words = [*words, "1"]  # an option that is named without its value
    for end in range(len(words), 0, -1):
        try:
            build_parser().parse_args(words[:end])
        except UsageError as error:
            reason = reason or str(error)
        except SystemExit:
            return ""  # --help, --version
        else:
            return reason if words[end : end + 1] and words[end].startswith("-") else ""
    return reason


def found_in(text: str, *, place: str) -> list[str]:
    wrong = []
    for words, is_typed in commands(text):
        if not is_typed and (
            words[0] in NO_COMMAND
            or not words[0].strip("-")
            or (words[0] not in COMMANDS and not words[0].startswith("-") and "fix" not in place)
        ):
            continue
        # A command that goes on with what only its caller knows is looked at as far as the text has it.
        if reason := refusal([word if word != "X" else "1" for word in words]):
            wrong.append(f"{place}: plexdev {' '.join(words)}: {reason}")
    wrong += [f"{place}: make {name}" for name in MAKE.findall(text) if name not in TARGETS]
    wrong += [f"{place}: tox -e {name}" for name in TOX.findall(text) if name not in ENVIRONMENTS]
    return wrong


def test_every_command_that_is_printed_parses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {**os.environ, "COLUMNS": "200"})
    found = list(texts())

    assert sum(1 for _, text in found for _ in commands(text)) > 100
    assert [wrong for place, text in found for wrong in found_in(text, place=place)] == []


def test_every_option_of_pytest_that_is_named_exists() -> None:
    flags = {option.flag for option in OPTIONS}
    named = {(place, flag) for place, text in texts() for flag in re.findall(r"--plexdev-[a-z][a-z-]*[a-z]", text)}

    assert named
    assert [(place, flag) for place, flag in sorted(named) if flag not in flags] == []


def test_every_variable_that_is_named_is_read_or_exported() -> None:
    known = {*known_variables(), "PLEXDEV_STACK"}
    named = {(place, name) for place, text in texts() for name in re.findall(r"\bPLEXDEV_[A-Z][A-Z_]*[A-Z]", text)}

    assert named
    assert [each for each in sorted(named) if each[1] not in known and not f"{each[1]}_".startswith(TESTS_PREFIX)] == []


@pytest.mark.parametrize(
    ("text", "is_right"),
    [
        ("plexdev up --port 0 --idp-port 0", True),
        ("`plexdev up` leaves it running", True),
        ("PLEXDEV_STATE_DIR='a b' plexdev down --stack embedded; or wait", True),
        ("plexdev down --directory 'a b'", True),
        ("plexdev psql -- -c 'SELECT 1'", True),
        ("plexdev psql -c 'SELECT 1'", False),
        ("plexdev down --directry x", False),
        ("plexdev up --stack cluster", False),
        ("read it; then: plexdev restart", False),
        ("run `make nothing`", False),
        ("run `make dev`", True),
        ("$ .venv/bin/plexdev up --stack embedded", True),
        ("$ .venv/bin/plexdev whatever", False),
        ("run `.venv/bin/tox -e nightly`", True),
        ("run `.venv/bin/tox -e nothing`", False),
    ],
)
def test_the_test_itself_tells_right_from_wrong(text: str, *, is_right: bool) -> None:
    assert (found_in(text, place="x.fix") == []) is is_right
