"""Copy the logs that an error names and that the end of the run removes, and replace their paths in the error."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.session.item_checks import stacks_of
from pytest_plexdev.session.output_directory import folder_name, read_end

if TYPE_CHECKING:
    from pytest_plexdev.session.run import Run


def keep_logs(error: BaseException, item: pytest.Item, run: Run) -> Mapping[str, bytes]:
    """Copy the logs that *error* names and that the end of the run removes, and replace their paths in *error*.

    Returns:
        The content of the copies by file name, which is part of the test's evidence.
    """
    stacks = [stack for stack in stacks_of(item, run) if stack is not run.running or run.removes_stack]
    named = {
        str(service.log): service.log
        for stack in stacks
        for service in stack.info.services
        if service.log is not None and any(str(service.log) in text for text in _texts(error))
    }
    if not named:
        return {}
    secrets = frozenset[str]().union(*(stack.secrets for stack in stacks))
    copies = {log.name: read_end(log, secrets) for log in named.values()}
    folder = run.output.write(item.nodeid, folder_name(item.nodeid), copies)
    for expected in _expected(error):
        for path, log in named.items():
            copy = run.output.shown(folder / log.name)
            expected.detail = expected.detail.replace(path, copy)
            expected.facts = {
                name: str(fact).replace(path, copy) if path in str(fact) else fact
                for name, fact in expected.facts.items()
            }
    return copies


def _texts(error: BaseException) -> Iterator[str]:
    return (str(expected) for expected in _expected(error))


def _expected(error: BaseException) -> Iterator[PlexdevError]:
    """The failures of the catalogue in a traceback of *error*: itself, its causes and contexts, members of groups."""
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, PlexdevError):
            yield current
        pending += [current.__cause__, current.__context__]
        if isinstance(current, BaseExceptionGroup):
            pending += current.exceptions
