"""Query the log lines and audit events of a Domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from pytest_plexdev.core.clock import unix_time
from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import QUERY_RESULT
from pytest_plexdev.testkit.telemetry import TIMEOUT_S, Telemetry
from pytest_plexdev.testkit.tenancy import Tenant

EVERY_STREAM: Final = '{signal=~".+"}'
_WINDOW: Final = timedelta(hours=1)
_LINES: Final = 1000
__tracebackhide__ = True  # pytest shows a failure at the test's line, not here


@dataclass(frozen=True, kw_only=True)
class LogEntry:
    """A line of a query's result.

    Attributes:
        labels: The labels of its stream, and its structured metadata.
        line: A log message, or an audit event as JSON.
        at: Its time.

    Example::

        def test_a_line_names_its_severity(plexdev_node, plexdev_logs):
            plexdev_node.send_logs("tunnel established")
            entry = plexdev_logs.wait_for()
            assert (entry.line, entry.labels["severity"]) == ("tunnel established", "info")
    """

    labels: Mapping[str, str]
    line: str
    at: datetime


class Logs(Telemetry[LogEntry]):
    """The log lines and audit events of a Domain's Nodes, of the last hour.

    ``{signal="logs"}`` selects the lines, ``{signal="audit"}`` the audit events; further labels are ``node_id``,
    ``severity`` and ``source``.

    Example::

        def test_another_domain_does_not_see_it(plexdev_node, plexdev_logs, plexdev_tenants):
            plexdev_node.send_logs("for its own Domain only")
            plexdev_logs.wait_for('{signal="logs"} |= "own Domain"')
            others = plexdev_logs.of(plexdev_tenants["beta-llc"])
            assert plexdev_node.id not in {entry.labels["node_id"] for entry in others.query('{signal="logs"}')}
    """

    kind = "log line"
    everything = EVERY_STREAM

    def of(self, tenant: Tenant) -> Logs:
        """Return the logs of another tenant, read by its admin."""
        return Logs(tenant.client, tenant.domain_id, backlog=self._backlog, log=self._log)

    def query(self, expression: str = EVERY_STREAM) -> Sequence[LogEntry]:
        """Return the lines of the last hour, oldest first; of more than 1,000 the newest.

        Args:
            expression: LogQL of lines.

        Raises:
            PlexdevError: ``query-result``: the result has numbers instead of lines.
            ProblemError: The API refused the query: 400 ``query_invalid`` if it is not LogQL.
        """
        now = datetime.fromtimestamp(unix_time(), UTC)
        answer = self._client.observability.query_logs(
            self.domain_id, expression, start=now - _WINDOW, end=now + timedelta(minutes=1), limit=_LINES
        )
        data = decode_json(answer.body)["data"]
        if data["resultType"] != "streams":
            facts = {"expression": expression, "result": data["resultType"], "wanted": "lines"}
            raise PlexdevError(QUERY_RESULT, **facts, method="plexdev_logs", each="line")
        entries = [_entry(stream["stream"], value) for stream in data["result"] for value in stream["values"]]
        return sorted(entries, key=lambda each: each.at)

    def wait_for(
        self,
        expression: str = EVERY_STREAM,
        *,
        where: Callable[[LogEntry], bool] = lambda _: True,
        timeout: float = TIMEOUT_S,
    ) -> LogEntry:
        """Return the oldest line of a query for which *where* is true; repeat the query until there is one.

        Args:
            expression: LogQL of lines.
            timeout: Seconds.

        Raises:
            PlexdevError: ``no-telemetry``: there was none in time. The error lists the streams that there are.
            ProblemError: The API refused the query.
        """
        return self._wait_for(expression, where, timeout)


def _entry(labels: Mapping[str, str], value: Sequence[Any]) -> LogEntry:
    nanoseconds, line, *_ = value
    return LogEntry(labels=labels, line=line, at=datetime.fromtimestamp(int(nanoseconds) / 1e9, UTC))
