"""Parse the output of docker, kind, kubectl and go, also if a wrapper adds lines of its own.

Company wrappers, version managers and shims print a line such as ``using kubectl 1.32`` to standard output.
"""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Sequence
from typing import Any, Final

from pytest_plexdev.core.untrusted_json import decode_first_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import TOOL_GIBBERISH

_JSON_START: Final = re.compile(r"^\s*[\[{]", re.MULTILINE)
_YAML_LINE: Final = re.compile(r"[ #-]|[A-Za-z][\w.-]*:(?: |$)")
_SHOWN: Final = 120
"""Characters of the first line that an error shows."""


def json_of(text: str) -> Any:
    """Parse the first JSON object or list at the start of a line of *text*.

    Raises:
        ValueError: *text* contains none.
    """
    for start in _JSON_START.finditer(text):
        try:
            return decode_first_json(text, start.end() - 1)
        except ValueError:
            continue
    raise ValueError("no JSON")


def yaml_lines_of(text: str) -> str:
    """Return *text* without lines that cannot be YAML at its outermost level; all of it if no line can."""
    kept = [line for line in text.splitlines(keepends=True) if _YAML_LINE.match(line)]
    return "".join(kept) or text


def line_of(text: str, pattern: str) -> str:
    """Return the last line that matches the whole *pattern*; empty if none does."""
    lines = (line.strip() for line in reversed(text.splitlines()))
    return next((line for line in lines if re.fullmatch(pattern, line)), "")


def unreadable(argv: Sequence[str], text: str) -> PlexdevError:
    """Build the error for output that is not the program's own; it names the file that was run."""
    output = next((line.strip() for line in text.splitlines() if line.strip()), "nothing")
    return PlexdevError(
        TOOL_GIBBERISH,
        command=shlex.join(argv),
        program=argv[0],
        path=shutil.which(argv[0]) or argv[0],
        output=output if len(output) <= _SHOWN else output[:_SHOWN] + "…",
    )
