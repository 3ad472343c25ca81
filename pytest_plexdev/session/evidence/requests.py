"""The requests of a failing test: the harness's own, with their bodies, and those of other clients."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, TypeVar

from pytest_plexdev.api.transport import HARNESS, user_agent
from pytest_plexdev.session.evidence import terminal
from pytest_plexdev.session.evidence.access_lines import AccessLine, between, read_access_lines
from pytest_plexdev.session.evidence.collect import Section
from pytest_plexdev.testkit.stack import API

if TYPE_CHECKING:
    from pytest_plexdev.api.exchanges import Exchange
    from pytest_plexdev.session.evidence.logs import Logs
    from pytest_plexdev.session.evidence.phases import Phases

_API_LOG_BYTES: Final = 1_000_000
"""Number of bytes that are read of the API's log, in search of requests."""
_LINES: Final = 24
"""Number of lines that requests take on the terminal."""

Item = TypeVar("Item")


def exchanges_section(exchanges: Sequence[Exchange], phases: Phases, columns: int) -> Section:
    """Show the harness's own requests.

    Args:
        exchanges: Those since the test began.
        columns: The width of the terminal.
    """
    return _section(phases.split(exchanges), phases, "exchange", brief=lambda each: _brief(each, columns))


def other_requests_section(lines: Sequence[AccessLine], phases: Phases, columns: int) -> Section:
    """Show the requests of other clients, from :func:`other_requests`.

    The terminal shows them if one of them was sent in the phase that failed, or was refused.
    """
    split = phases.split(lines)
    section = _section(split, phases, "request", brief=lambda line: terminal.wrap(line.brief, columns))
    is_relevant = phases.current in split or any(line.is_refused for line in lines)
    return section if is_relevant else replace(section, brief="")


def other_requests(
    logs: Logs, sent: Sequence[Exchange], *, began: float, ended: float, ids: Collection[str]
) -> list[AccessLine]:
    """Read from the API's log which requests the harness did not send itself.

    Args:
        sent: The harness's own requests.
        began: Unix time, seconds: the beginning of the test.
        ended: Unix time, seconds: when it failed.
        ids: Correlation ids that the failure names. Their requests may be older than the test.
    """
    api = next((service for service in logs.stack.info.services if service.name == API), None)
    if api is None:
        return []
    lines = read_access_lines(logs.read(api, limit=_API_LOG_BYTES))
    if not {line.correlation_id for line in lines}.issuperset(ids):
        lines = read_access_lines(logs.read_whole(api, limit=_API_LOG_BYTES))
    own = {exchange.correlation_id for exchange in sent}
    return [
        line
        for line in between(lines, began, ended, ids=ids)
        if line.correlation_id not in own and (line.correlation_id in ids or not _is_of_another_worker(line))
    ]


def _is_of_another_worker(line: AccessLine) -> bool:
    """Whether the harness sent the request in another process, for example another worker's test."""
    return line.client.startswith(HARNESS) and line.client != user_agent()


def _section(
    split: Mapping[str, Sequence[Item]],
    phases: Phases,
    noun: str,
    *,
    brief: Callable[[Item], list[str]],
) -> Section:
    text = "\n\n".join("\n".join([f"{phase}:", *map(str, items)]) for phase, items in split.items())
    if not split:
        return Section(text="")
    # What failed, or else the phase before it, which made what the test looked at.
    shown = phases.current if phases.current in split else [*split][-1]
    counted = [f"{phase}: {_counted(items, noun)}" for phase, items in split.items() if phase != shown]
    return Section(text=text, brief="\n".join([*counted, f"{shown}:", *_last(split[shown], noun, brief)]))


def _last(items: Sequence[Item], noun: str, brief: Callable[[Item], list[str]]) -> Iterator[str]:
    blocks: list[list[str]] = []
    for item in reversed(items):
        block = brief(item)
        if blocks and sum(map(len, blocks)) + len(block) > _LINES:
            break
        blocks.insert(0, block)
    if left := items[: len(items) - len(blocks)]:
        yield f"… ({_counted(left, noun)} before)"
    for block in blocks:
        yield from block


def _brief(exchange: Exchange, columns: int) -> list[str]:
    problem = exchange.problem
    lines = terminal.wrap(exchange.headline, columns)
    if problem is not None and exchange.correlation_id:
        lines.append(f"  correlation_id {exchange.correlation_id}")
    lines += terminal.wrap_command(exchange.curl, columns, indent="  ")
    if problem is None and exchange.response:
        lines += terminal.wrap(f"  < {terminal.shorten(exchange.response, columns)}", columns)
    return lines


def _counted(items: Iterable[object], noun: str) -> str:
    count = len([*items])
    return f"{count} {noun}{'s' * (count != 1)}"
