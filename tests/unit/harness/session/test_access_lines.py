"""Which requests of the API's log are evidence of a failure."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_plexdev.api.transport import HARNESS, user_agent
from pytest_plexdev.core.model import Service
from pytest_plexdev.session.evidence.access_lines import (
    between,
    correlation_ids,
    read_access_lines,
    without_access_lines,
)
from pytest_plexdev.session.evidence.logs import Logs
from pytest_plexdev.session.evidence.requests import other_requests
from pytest_plexdev.session.run import Moment

ID = "01a228f9-b46c-7107-b37e-b6c4b4da5e50"
FIRST, SECOND, THIRD = (f"{ID[:-1]}{number}" for number in range(3))


def line(second: int, route: str, correlation_id: str, more: str = "") -> str:
    return (
        f'level=INFO msg="request" time=1970-01-01T00:00:{second:02d}.500Z method=GET route="{route}" status=200{more}'
        f" correlation_id={correlation_id} ms=1.5\n"
    )


def ids_of(log: str, *, began: float, ended: float, named: str = "") -> list[str]:
    found = between(read_access_lines(log), began, ended, ids=correlation_ids(named))
    return [each.correlation_id for each in found]


def test_requests_are_chosen_by_time_or_correlation_id() -> None:
    log = line(1, "/a", FIRST) + line(2, "/b", SECOND) + line(3, "/c", THIRD)

    assert ids_of(log, began=2.5004, ended=3.0) == [SECOND]
    assert ids_of(log, began=2.0, ended=3.0, named=f"correlation_id: {FIRST}") == [FIRST, SECOND]


def test_probes_of_the_stack_are_left_out_unless_they_are_named() -> None:
    log = line(1, "/readyz", FIRST) + line(1, "/readyz", SECOND).replace("status=200", "status=503 code=x")

    assert ids_of(log, began=0, ended=9) == [SECOND]
    assert ids_of(log, began=0, ended=9, named=f"X-Correlation-Id: {FIRST}") == [FIRST, SECOND]


@pytest.mark.parametrize(
    "text",
    [
        f"  correlation_id: {FIRST}",
        f'{{"correlation_id":"{FIRST}"}}',
        f"{{'correlation_id': '{FIRST}'}}",
        f"Headers([('x-correlation-id', '{FIRST}')])",
        f"correlation id {FIRST}",
    ],
)
def test_a_failure_names_a_request_by_its_correlation_id(text: str) -> None:
    assert correlation_ids(text) == {FIRST}
    assert correlation_ids(f"id: {FIRST}") == frozenset()


def test_other_and_damaged_lines_of_a_log_are_no_requests() -> None:
    others = 'level=INFO msg="serving" address=x\n\x00\ncorrelation_id=1\n'
    log = f'level=INFO msg="request" time=never method=GET\n{others}{line(1, "/a", FIRST)}level=INFO msg="request" ti'

    assert [each.route for each in read_access_lines(log)] == ["/a"]
    assert without_access_lines(log) == others


def test_a_pods_log_is_read_without_what_other_workers_sent() -> None:
    asked: list[float | None] = []
    mine, other, raw = (f"{ID[:-1]}{number}" for number in range(3))
    log = "".join(
        line(5, "/a", correlation_id, f' client="{client}"')
        for correlation_id, client in ((mine, user_agent()), (other, f"{HARNESS} (pid 0)"), (raw, "curl/8"))
    )

    class PodLogs:
        """A stack whose logs are not files."""

        info: Any = SimpleNamespace(services=[Service(name="plexsphere", version="1")])

        def log(self, service: str, *, since: float | None = None) -> str:
            asked.append(since)
            return f"==> plexsphere <==\n{log}" if since is None or since < 5 else ""

    stack: Any = PodLogs()
    logs = Logs(stack=stack, since=Moment(4.0, {}), rule=str)
    later = Logs(stack=stack, since=Moment(8.0, {}), rule=str)

    found = other_requests(logs, (), began=4.0, ended=9.0, ids=())
    assert [each.correlation_id for each in found] == [mine, raw]
    assert asked == [4.0]
    assert [each.correlation_id for each in other_requests(later, (), began=8.0, ended=9.0, ids=[other])] == [other]
    assert asked == [4.0, 8.0, None]
