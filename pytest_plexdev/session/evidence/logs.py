"""The log lines of a failing test: what the services of its stack logged since it began."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.masking.rule import without_cut_word
from pytest_plexdev.session.evidence.access_lines import without_access_lines
from pytest_plexdev.session.evidence.collect import Section, result_of, start
from pytest_plexdev.testkit.stack import API

if TYPE_CHECKING:
    from pytest_plexdev.core.model import Service, Verdict
    from pytest_plexdev.session.run import Moment
    from pytest_plexdev.testkit.stack import Stack

READ_BYTES: Final = 256_000
"""Number of bytes that are read of a long text: more than is shown, because secrets are masked before it is cut."""
_SHOWN_BYTES: Final = 4_000
"""Maximum share of each service's log in the section."""
_MARGIN_S: Final = 0.1
"""Time before the limit at which the collected logs are returned and the missing ones are named."""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """Reads the logs of a stack from the beginning of a test.

    Attributes:
        since: The beginning of the test.
        rule: Masks a text.
    """

    stack: Stack
    since: Moment
    rule: Callable[[str], str]

    def section(self, verdicts: Sequence[Verdict], deadline: float) -> Section:
        """Collect the log lines of all services, without requests, which have a section of their own.

        A copy of each log from the beginning, with the requests, becomes a file of the folder.

        Args:
            deadline: On ``time.monotonic()``'s clock.
        """
        logs = self._read_all(verdicts, deadline - _MARGIN_S)
        names_by_text: dict[str, list[str]] = {}
        for name, whole in logs.items():
            if text := without_access_lines(whole) if name == API else whole:
                names_by_text.setdefault(self.rule(text)[-_SHOWN_BYTES:].rstrip(), []).append(name)
        # Equal texts are shown once: if no log can be read, all have the same reason.
        text = "\n".join(f"{', '.join(names)}:\n{text}" for text, names in names_by_text.items())
        return Section(text=text, files={f"{name}.log": whole for name, whole in logs.items() if whole})

    def read(self, service: Service, *, limit: int = READ_BYTES) -> str:
        """Return what a service logged since the beginning, at most the last *limit* bytes."""
        return _read(self.stack, service, self.since, limit)

    def read_whole(self, service: Service, *, limit: int = READ_BYTES) -> str:
        """Return the whole log of a service, at most the last *limit* bytes."""
        return _read(self.stack, service, replace(self.since, time=0.0, log_sizes={}), limit)

    def _read_all(self, verdicts: Sequence[Verdict], deadline: float) -> dict[str, str]:
        # The cause of a service that is not ready may have been logged long before the test. In a cluster its verdict
        # is named `deployment/plexsphere`.
        not_ready = {verdict.name.rpartition("/")[2] for verdict in verdicts if verdict.state != "ready"}
        # Concurrently: each log of a cluster takes one or two requests to its API server.
        futures = {
            service.name: start(
                partial(self.read_whole if service.name in not_ready else self.read, service), otherwise=str
            )
            for service in self.stack.info.services
        }
        return {name: result_of(future, deadline - monotonic(), otherwise=str) for name, future in futures.items()}


def end_of(text: str, length: int) -> str:
    """Return the end of *text*, without a word that is cut."""
    return text if len(text) <= length else without_cut_word(text[-length:])


def _read(stack: Stack, service: Service, since: Moment, limit: int) -> str:
    if service.log is None:
        return end_of(stack.log(service.name, since=since.time or None), limit)
    if not service.log.is_file():
        return f"{service.log} does not exist"
    with service.log.open("rb") as log:
        begins = since.log_sizes.get(service.log, 0)
        cut = max(begins, service.log.stat().st_size - limit)
        log.seek(cut)
        text = log.read().decode("utf-8", "replace")
    return text if cut == begins else without_cut_word(text)
