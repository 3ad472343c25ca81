"""The public fixtures of a stack for one test, and of the services that the profile ``full`` adds.

A test that requests one of the latter needs its service, as if it had the marker ``plexdev_needs``
(:data:`pytest_plexdev.session.item_checks.FIXTURE_NEEDS`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from pytest_plexdev.session import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pytest_plexdev.testkit.bucket import Bucket
    from pytest_plexdev.testkit.logs import Logs
    from pytest_plexdev.testkit.metrics import Metrics
    from pytest_plexdev.testkit.own_stack import OwnStack
    from pytest_plexdev.testkit.secret_store import SecretStore
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant


@pytest.fixture
def _plexdev_services(request: pytest.FixtureRequest, plexdev_stack: Stack) -> None:
    """Skip the test if the stack lacks a service that it needs: before the fixture of the service, also if this test
    started the stack."""
    from pytest_plexdev.session import needs

    needs.skip_without(request.node, plexdev_stack.info)


@pytest.fixture
def plexdev_bucket(_plexdev_services: None, plexdev_stack: Stack) -> Iterator[Bucket]:
    """An S3 bucket of the test's own in the stack's SeaweedFS (``Bucket``).

    After the test it is removed with everything in it.

    Example::

        def test_an_object_is_read_back(plexdev_bucket):
            plexdev_bucket.put("reports/june", b"all is well")
            assert plexdev_bucket.get("reports/june") == b"all is well"
    """
    from pytest_plexdev.testkit.bucket import open_bucket

    with open_bucket(plexdev_stack) as bucket:
        yield bucket


@pytest.fixture
def plexdev_secrets(
    request: pytest.FixtureRequest, _plexdev_services: None, plexdev_stack: Stack
) -> Iterator[SecretStore]:
    """The secrets of the stack's OpenBao, below a path of the test's own (``SecretStore``).

    After the test all secrets that it wrote or deleted have their former values; if not, the summary of the run names
    them. Their texts and numbers of 16 characters and more are masked in everything that is reported.

    Example::

        def test_a_secret_is_read_back(plexdev_secrets):
            plexdev_secrets.write("db", {"password": "correct-horse"})
            assert plexdev_secrets.read("db") == {"password": "correct-horse"}
    """
    from pytest_plexdev.session import guard
    from pytest_plexdev.testkit.secret_store import open_secret_store

    def warn(line: str) -> None:
        guard.add_lines(request.config, [line])

    with open_secret_store(plexdev_stack, warn=warn) as secrets:
        yield secrets


@pytest.fixture
def plexdev_metrics(
    request: pytest.FixtureRequest, _plexdev_services: None, plexdev_stack: Stack, plexdev_tenant: FreshTenant
) -> Metrics:
    """The metrics of the test's ``plexdev_tenant``, queried through the API (``Metrics``).

    Its ``wait_for`` waits until what a Node sent is there. On a stack whose Mimir has multi-tenancy off, a query
    finds the metrics of all Domains; the summary of the run says so.

    Example::

        from pytest_plexdev import MetricSample


        def test_a_sample_of_a_node_is_stored(plexdev_node, plexdev_metrics):
            plexdev_node.send_metrics(MetricSample(name="cpu_seconds_total", value=12.5, labels={"cpu": "0"}))
            assert plexdev_metrics.wait_for('cpu_seconds_total{cpu="0"}').value == 12.5
    """
    from pytest_plexdev.testkit.metrics import Metrics
    from pytest_plexdev.testkit.telemetry import telemetry_of

    _note_telemetry(request.config, plexdev_stack, "mimir")
    return telemetry_of(plexdev_tenant, plexdev_stack, Metrics)


@pytest.fixture
def plexdev_logs(
    request: pytest.FixtureRequest, _plexdev_services: None, plexdev_stack: Stack, plexdev_tenant: FreshTenant
) -> Logs:
    """The log lines and audit events of the test's ``plexdev_tenant``, queried through the API (``Logs``).

    Its ``wait_for`` waits until what a Node sent is there. On a stack whose Loki has multi-tenancy off, a query
    finds the lines of all Domains; the summary of the run says so.

    Example::

        def test_a_line_of_a_node_is_stored(plexdev_node, plexdev_logs):
            plexdev_node.send_logs("tunnel established to peer edge-3")
            assert plexdev_logs.wait_for('{signal="logs"} |= "tunnel"').labels["node_id"] == plexdev_node.id
    """
    from pytest_plexdev.testkit.logs import Logs
    from pytest_plexdev.testkit.telemetry import telemetry_of

    _note_telemetry(request.config, plexdev_stack, "loki")
    return telemetry_of(plexdev_tenant, plexdev_stack, Logs)


_CHECKED: Final = pytest.StashKey[set[str]]()
"""The services of which this process knows whether they keep Domains apart."""


def _note_telemetry(config: pytest.Config, stack: Stack, service: str) -> None:
    """Add a line to the summary if the service does not keep Domains apart."""
    from pytest_plexdev.session import guard
    from pytest_plexdev.testkit.telemetry import keeps_domains_apart

    checked = config.stash.setdefault(_CHECKED, set())
    if service in checked:
        return
    checked.add(service)
    with guard.observing(config, f"whether {service} keeps Domains apart"):
        if not keeps_domains_apart(stack, service):
            line = f"{service} of this stack does not keep Domains apart, because its multi-tenancy is off"
            guard.add_lines(config, [line])


@pytest.fixture
def plexdev_own_stack(request: pytest.FixtureRequest) -> Iterator[OwnStack]:
    """A whole stack for this test alone, with processes of its own, which the test may break (``OwnStack``).

    It has clients of its own (``client``, ``tenants``, ``login``, ``make_tenant``, ``make_node``); the other fixtures
    use the shared stack. Nothing of it is left after the test, whether it passed or failed.

    Example::

        def test_a_heartbeat_without_nats(plexdev_own_stack):
            node = plexdev_own_stack.make_node()
            with plexdev_own_stack.pause("nats"):
                node.heartbeat()
                assert node.reachability() == "healthy"
    """
    from pytest_plexdev.session.own_stack import own_stack

    with own_stack(request.node, run.get_run(request.config)) as stack:
        yield stack
