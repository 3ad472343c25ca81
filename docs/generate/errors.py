"""Render the page of errors from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pytest_plexdev.errors import CATALOGUE, Failure

_HEAD = """\
# Errors

Every failure that pytest-plexdev expects has a tag. It is printed without a traceback: what happened, why, and what to
type next. This page is generated from the catalogue, `pytest_plexdev/errors/`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join(
        [_HEAD, *(line for failure in sorted(CATALOGUE, key=lambda each: each.tag) for line in _entry(failure))]
    )


def _entry(failure: Failure) -> Iterator[str]:
    yield f"## plexdev[{failure.tag}]\n"
    yield f"| what happened | {_facts(failure.what)} |\n|---|---|"
    if failure.why:
        yield f"| why | {_facts(failure.why)} |"
    yield f"| what to do | {_facts(failure.fix)} |"
    if failure.exit_code != 1:
        yield f"| exit code | {failure.exit_code} |"
    yield ""


def _facts(template: str) -> str:
    """Replace each fact of a template by its name in capitals, because facts differ from case to case."""
    return re.sub(r"\{(\w+)[^}]*\}", lambda match: f"*{match[1].upper()}*", template).replace("|", "\\|")
