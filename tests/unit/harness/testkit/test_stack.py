"""The errors of a stack with a dead server or a failed request. In a cluster they use the cluster's own reports."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from pytest_plexdev.core.model import Cluster, Endpoints, Service, StackInfo, Verdict
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.cluster import CLUSTER_UNREACHABLE, SERVICE_NOT_READY
from pytest_plexdev.stack.kind.provider import KindProvider
from pytest_plexdev.testkit.stack import Stack

CLUSTER = Cluster(name="c", context="kind-c", kubeconfig=Path("k"), namespace="default", owned=True)
INFO = StackInfo(
    provider="kind",
    id="warm",
    directory=Path("d"),
    endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2/dex"),
    started_at=0.0,
    cluster=CLUSTER,
)
DEX = Service(name="dex", version="1")
READY = Verdict(name="deployment/dex", state="ready")


class Provider(KindProvider):
    """A provider whose verdicts and logs the test chooses."""

    def __init__(self, *verdicts: Verdict, error: PlexdevError | None = None) -> None:
        super().__init__()
        self._verdicts = verdicts
        self._error = error
        self.reached: list[str] = []
        self.is_closed = False

    def verdicts(self, info: StackInfo) -> Sequence[Verdict]:
        if self._error is not None:
            raise self._error
        return self._verdicts

    def log(self, info: StackInfo, service: str, *, since: float | None = None) -> str:
        return f"one\ntwo of {service} since {since}"

    def reach(self, info: StackInfo, service: str) -> str:
        self.reached.append(service)
        return f"{service}://127.0.0.1:5"

    def close(self) -> None:
        self.is_closed = True


def test_the_cluster_is_asked_only_after_a_failed_request() -> None:
    stack = Stack(INFO, Provider(Verdict(name="deployment/plexsphere", state="gone")))

    assert stack.died() is None
    assert stack.died(0.1) is not None


def test_the_worst_verdict_is_named_first() -> None:
    waiting = Verdict(name="deployment/plexsphere", state="waiting", reason="0 of 1 ready")
    doomed = Verdict(name="deployment/spicedb", state="doomed", reason="exit 1\nlog line", hint="plexdev doctor")
    error = Stack(INFO, Provider(READY, waiting, doomed)).died(0.1)

    assert str(error).splitlines() == [
        "plexdev[service-not-ready]: deployment/spicedb of the running stack is doomed: exit 1",
        f"  why: {SERVICE_NOT_READY.why}",
        "  | deployment/plexsphere is waiting: 0 of 1 ready",
        "  fix: plexdev doctor",
    ]


def test_what_all_have_in_common_is_said_once() -> None:
    reason = "the API server does not answer: refused"
    gone = [Verdict(name=name, state="gone", reason=reason) for name in ("dex", "nats")]

    assert str(Stack(INFO, Provider(*gone)).died(0.1)).splitlines() == [
        f"plexdev[service-not-ready]: all of dex, nats of the running stack is gone: {reason}",
        f"  why: {SERVICE_NOT_READY.why}",
        "  fix: check whether its node runs: docker ps -a --filter name=c-",
    ]


def test_a_cluster_that_is_whole_is_not_why() -> None:
    assert Stack(INFO, Provider(READY)).died(0.1) is None


def test_a_cluster_that_does_not_answer_is() -> None:
    silent = PlexdevError(CLUSTER_UNREACHABLE, context="kind-c", server="s", reason="refused", fix="f")

    assert Stack(INFO, Provider(error=silent)).died(0.1) is silent


def test_a_connection_opens_on_demand_and_closes_with_the_stack() -> None:
    provider = Provider()
    stack = Stack(INFO, provider)
    assert provider.reached == []

    assert stack.database_url == "postgres://127.0.0.1:5"
    assert stack.nats_url == "nats://127.0.0.1:5"
    stack.close()
    assert provider.reached == ["postgres", "nats"]
    assert provider.is_closed


def test_an_unknown_name_is_an_error_with_the_known_ones() -> None:
    stack = Stack(replace(INFO, services=(Service(name="plexsphere", version="1"), DEX)), Provider())

    with pytest.raises(PlexdevError, match=r"unknown-name\]: the stack has no service sphere\n.*plexsphere, dex\n"):
        stack.log("sphere")
    with pytest.raises(PlexdevError, match=r"no capability age-heartbeats\n.*\n  fix: did you mean age-heartbeat\?"):
        stack.can("age-heartbeats")
    assert stack.can("age-heartbeat") is False


def test_a_log_is_the_providers_and_cut_from_its_end() -> None:
    stack = Stack(replace(INFO, services=(DEX,)), Provider())

    assert stack.log("dex", lines=1, since=3.0) == "two of dex since 3.0"


def test_a_server_in_the_cluster_is_reached_on_first_use() -> None:
    provider = Provider()
    info = replace(INFO, services=(DEX, Service(name="openbao", version="1"), Service(name="migrate", version="1")))
    stack = Stack(info, provider)

    assert stack.url("dex") == "http://localhost:2/dex"
    assert stack.url("openbao") == "openbao://127.0.0.1:5"
    assert provider.reached == ["openbao"]


def test_a_service_of_another_profile_is_named_with_its_command() -> None:
    stack = Stack(replace(INFO, services=(DEX,), profile="lean"), Provider())

    with pytest.raises(PlexdevError) as caught:
        stack.url("openbao")
    assert caught.value.headline == "plexdev[service-left-out]: the stack has no openbao"
    assert "plexdev up --stack kind --profile full" in caught.value.fix


def test_an_operator_has_no_address() -> None:
    stack = Stack(replace(INFO, services=(DEX, Service(name="crossplane", version="1"))), Provider())

    with pytest.raises(PlexdevError) as caught:
        stack.url("crossplane")
    assert caught.value.tag == "unknown-name"


def test_an_operator_that_is_left_out_is_named() -> None:
    with pytest.raises(PlexdevError) as caught:
        Stack(replace(INFO, services=(DEX,)), Provider()).url("crossplane")
    assert caught.value.tag == "service-left-out"


def test_the_signer_of_a_cluster_has_no_address() -> None:
    stack = Stack(replace(INFO, services=(DEX, Service(name="plexsphere-signer", version="1"))), Provider())

    with pytest.raises(PlexdevError) as caught:
        stack.url("plexsphere-signer")
    assert caught.value.tag == "unknown-name"


def test_a_job_has_no_address() -> None:
    stack = Stack(replace(INFO, services=(DEX, Service(name="migrate", version="1"))), Provider())

    with pytest.raises(PlexdevError) as caught:
        stack.url("migrate")
    assert caught.value.tag == "unknown-name"
    assert "dex" in str(caught.value)
