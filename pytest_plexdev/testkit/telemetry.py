"""Wait until what a Node sent is in a Domain's telemetry, and say what is there instead if it does not arrive.

The labels are those of the reference plane: docs/explanation/contract-decisions.md, Telemetry.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar

from pytest_plexdev.api.problems import ProblemError
from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.poll import sleep
from pytest_plexdev.core.text import abbreviated
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import NO_TELEMETRY
from pytest_plexdev.testkit.ingest_buffer import describe_backlog
from pytest_plexdev.testkit.stack import API, log_location

if TYPE_CHECKING:
    from pytest_plexdev.api import Client
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import Tenant

TIMEOUT_S: Final = 15.0
_FIRST_PAUSE_S: Final = 0.1
_LONGEST_PAUSE_S: Final = 1.0
"""The pauses grow, so that the requests of a wait do not displace those of the test in its evidence."""
_MOST_SHOWN: Final = 10
_PLATFORM_LABELS: Final = frozenset(("domain_id", "project_id"))
"""Equal for everything that a test sends, so not shown."""
_RETRIED: Final = (502, 504)
"""The statuses of a backend that is away. It may come back within the deadline."""
_TENANT_PATHS: Final = {"mimir": "/prometheus/api/v1/labels", "loki": "/loki/api/v1/labels"}
"""By service, a path that belongs to one tenant."""
__tracebackhide__ = True  # pytest shows a failure at the test's line, not here


class Labelled(Protocol):
    """A series or a log line."""

    @property
    def labels(self) -> Mapping[str, str]: ...


Found = TypeVar("Found", bound=Labelled)


class Backlog(Protocol):
    """Describes the batches of a Domain that wait in the ingest buffer."""

    def __call__(self, domain_id: str) -> str: ...


class Telemetry(Generic[Found]):
    """What metrics and logs have in common.

    Args:
        client: The API as a principal that may read the Domain.
        domain_id: The Domain.
        backlog: Describes the waiting batches, for errors.
        log: The API's log, for errors: its path or the command that prints it.
    """

    kind: str
    """What it finds, for errors."""
    everything: str
    """The query of all of it."""

    def __init__(self, client: Client, domain_id: str, *, backlog: Backlog, log: str) -> None:
        self.domain_id = domain_id
        self._client = client
        self._backlog = backlog
        self._log = log

    def query(self, expression: str) -> Sequence[Found]:
        raise NotImplementedError

    def _wait_for(self, expression: str, where: Callable[[Found], bool], timeout: float) -> Found:
        deadline, pause = monotonic() + timeout, _FIRST_PAUSE_S
        while True:
            away: ProblemError | None = None
            try:
                for found in self.query(expression):
                    if where(found):
                        return found
            except ProblemError as problem:
                if problem.status not in _RETRIED:
                    raise
                away = problem
            if monotonic() >= deadline:
                raise self._missing(expression, timeout, away) from away
            sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_S)

    def _missing(self, expression: str, timeout: float, away: ProblemError | None) -> PlexdevError:
        seen = self._seen() if away is None else f"cannot be read: its backend answered {away.status} {away.code}"
        return PlexdevError(
            NO_TELEMETRY,
            kind=self.kind,
            expression=expression,
            seconds=timeout,
            domain=self.domain_id,
            seen=seen,
            backlog=self._backlog(self.domain_id),
            log=self._log,
        )

    def _seen(self) -> str:
        try:
            known: Sequence[Found] = self.query(self.everything)
        except (ProblemError, PlexdevError) as error:
            return f"cannot be read: {error}"
        shown = [*dict.fromkeys(_shown(each.labels) for each in known)]
        return f"has {abbreviated(shown, _MOST_SHOWN) or 'none at all'}"


def _shown(labels: Mapping[str, str]) -> str:
    """Return labels as a selector, ``name{label="value"}``."""
    shown = {name: value for name, value in labels.items() if name not in _PLATFORM_LABELS and name != "__name__"}
    inside = ",".join(f'{name}="{value}"' for name, value in sorted(shown.items()))
    return f"{labels.get('__name__', '')}{{{inside}}}"


Kind = TypeVar("Kind", bound=Telemetry[Any])


def telemetry_of(tenant: Tenant, stack: Stack, kind: type[Kind]) -> Kind:
    """Return the metrics or the logs of a tenant of *stack*, read by its admin."""
    backlog = functools.partial(describe_backlog, stack)
    return kind(tenant.client, tenant.domain_id, backlog=backlog, log=log_location(stack.info, API))


def keeps_domains_apart(stack: Stack, service: str) -> bool:
    """Return whether Mimir or Loki keeps its tenants apart. Then it refuses a request that names none.

    Raises:
        PlexdevError: The errors of a port-forward.
        httpx.HTTPError: It did not answer.
    """
    import httpx

    answer = httpx.get(stack.url(service) + _TENANT_PATHS[service], trust_env=False, timeout=5)
    # One that is starting refuses too, so only an answer proves that it serves whoever asks.
    return answer.status_code != 200
