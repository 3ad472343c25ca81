"""The page of a failing test, ``index.md`` in its folder: the failure, its evidence, and what to type next."""

from __future__ import annotations

import shlex
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.markdown import code, fenced
from pytest_plexdev.session.item_checks import OWN_STACK
from pytest_plexdev.stack.providers import up_command

if TYPE_CHECKING:
    import pytest

    from pytest_plexdev.core.model import StackInfo
    from pytest_plexdev.session.run import Run

NAME: Final = "index.md"


@dataclass(frozen=True, kw_only=True)
class Failure:
    """How one phase of the test failed.

    Attributes:
        phase: As evidence names it.
        text: The failure's report, masked.
        captured: Captured output, masked: pairs of title and text.
    """

    phase: str
    text: str
    captured: Sequence[tuple[str, str]] = ()


def render_page(
    item: pytest.Item,
    run: Run,
    info: StackInfo,
    failures: Sequence[Failure],
    sections: Sequence[tuple[str, str]],
    logs: Sequence[str],
) -> str:
    """Render the page.

    Args:
        info: The stack on which it failed.
        failures: The failures so far; a test can fail in its call and again in its tear-down.
        sections: The evidence: pairs of title and text, masked.
        logs: Names of the logs beside the page.
    """
    return "\n".join(_lines(item, run, info, failures, sections, logs))


def _lines(
    item: pytest.Item,
    run: Run,
    info: StackInfo,
    failures: Sequence[Failure],
    sections: Sequence[tuple[str, str]],
    logs: Sequence[str],
) -> Iterator[str]:
    now = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
    yield f"# {code(item.nodeid)}"
    yield ""
    yield f"Failed in {' and '.join(each.phase for each in failures)}, on the {info.provider} stack {code(info.id)} at"
    yield f"<{info.endpoints.api}>; written at {now}. Secrets are masked."
    for failure in failures:
        yield from _section(f"Failure in {failure.phase}", failure.text)
        for title, text in failure.captured:
            yield from _section(title, text, level=3)
    for title, text in sections:
        yield from _section(title[:1].upper() + title[1:], text)
    if logs:
        yield from ("", "## Log files", "", "What the services logged since the test began:", "")
        yield from (f"- [{name}]({name})" for name in logs)
    yield from ("", "## What to type next", "")
    yield from _next_steps(item, run, info)
    yield ""


def _section(title: str, text: str, *, level: int = 2) -> Iterator[str]:
    yield from ("", f"{'#' * level} {title}", "", *fenced(text))


def _next_steps(item: pytest.Item, run: Run, info: StackInfo) -> Iterator[str]:
    test = shlex.quote(_shown_id(item, run))
    if OWN_STACK in item.stash:
        yield f"- Run this test again, on another stack of its own: `pytest {test}`"
        yield f"- Stop at the failure, with the stack as the test broke it: `pytest --pdb {test}`"
    elif run.settings.dev_stack:
        yield f"- Run this test again: `pytest --dev-stack {test}`"
        yield f"- Stop at the failure: `pytest --dev-stack --pdb {test}`"
        yield "- Read a whole log: `plexdev logs plexsphere`"
    else:
        yield f"- Run this test again, in a second: `{up_command(info.provider)}`, then `pytest --dev-stack {test}`"
        yield f"- Stop at the failure, with the stack running: `pytest --pdb {test}`"
        if run.settings.keep == "never":
            yield f"- Keep the stack of a failed run: `pytest --plexdev-keep=on-failure {test}`"
        else:
            directory = shlex.quote(str(info.directory))
            yield f"- Read a whole log of this stack, which is kept: `plexdev logs --directory {directory} plexsphere`"
    yield "- Look for known failure modes of the stack: `plexdev doctor`"


def _shown_id(item: pytest.Item, run: Run) -> str:
    """The test's id with its path relative to the directory in which pytest was started."""
    file, separator, rest = item.nodeid.partition("::")
    start = run.invocation_directory
    path = item.config.rootpath / file
    if start is None or path == start / file:
        return item.nodeid
    shown = path.relative_to(start) if path.is_relative_to(start) else Path(path)
    return f"{shown}{separator}{rest}"
