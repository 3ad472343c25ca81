"""Query the metrics of a Domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from pytest_plexdev.core.untrusted_json import decode_json
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import QUERY_RESULT
from pytest_plexdev.testkit.telemetry import TIMEOUT_S, Telemetry
from pytest_plexdev.testkit.tenancy import Tenant

EVERY_SERIES: Final = '{__name__=~".+"}'
__tracebackhide__ = True  # pytest shows a failure at the test's line, not here


@dataclass(frozen=True, kw_only=True)
class Series:
    """A series of a query's result, with its value at the time of the query.

    Attributes:
        labels: All labels, ``__name__`` included.
        at: The time of the value.

    Example::

        from pytest_plexdev import MetricSample

        def test_a_series_names_its_node(plexdev_node, plexdev_metrics):
            plexdev_node.send_metrics(MetricSample(name="memory_bytes", value=42))
            series = plexdev_metrics.wait_for("memory_bytes")
            assert (series.value, series.labels["node_id"]) == (42, plexdev_node.id)
    """

    labels: Mapping[str, str]
    value: float
    at: datetime


class Metrics(Telemetry[Series]):
    """The metrics of a Domain.

    Example::

        from pytest_plexdev import MetricSample

        def test_metrics_are_summed(plexdev_node, plexdev_metrics):
            samples = [MetricSample(name="peers", value=2, labels={"zone": zone}) for zone in ("a", "b")]
            plexdev_node.send_metrics(*samples)
            plexdev_metrics.wait_for("sum(peers)", where=lambda series: series.value == 4)
    """

    kind = "series"
    everything = EVERY_SERIES

    def of(self, tenant: Tenant) -> Metrics:
        """Return the metrics of another tenant, read by its admin."""
        return Metrics(tenant.client, tenant.domain_id, backlog=self._backlog, log=self._log)

    def query(self, expression: str) -> Sequence[Series]:
        """Run an instant query now.

        Args:
            expression: PromQL, with a vector or a scalar as its result.

        Raises:
            PlexdevError: ``query-result``: the result is a matrix or a string.
            ProblemError: The API refused the query: 400 ``query_invalid`` if it is not PromQL.
        """
        answer = self._client.observability.query_metrics(self.domain_id, expression)
        data = decode_json(answer.body)["data"]
        if data["resultType"] not in ("vector", "scalar"):
            facts = {"expression": expression, "result": data["resultType"], "wanted": "a vector or a scalar"}
            raise PlexdevError(QUERY_RESULT, **facts, method="plexdev_metrics", each="series")
        found = [{"metric": {}, "value": data["result"]}] if data["resultType"] == "scalar" else data["result"]
        return [_series(each) for each in found]

    def wait_for(
        self, expression: str, *, where: Callable[[Series], bool] = lambda _: True, timeout: float = TIMEOUT_S
    ) -> Series:
        """Return the first series of a query for which *where* is true; repeat the query until there is one.

        Args:
            expression: PromQL, with a vector or a scalar as its result.
            timeout: Seconds.

        Raises:
            PlexdevError: ``no-telemetry``: there was none in time. The error lists the series that there are.
            ProblemError: The API refused the query.
        """
        return self._wait_for(expression, where, timeout)


def _series(result: Mapping[str, Any]) -> Series:
    at, value = result["value"]
    return Series(labels=result["metric"], value=float(value), at=datetime.fromtimestamp(float(at), UTC))
