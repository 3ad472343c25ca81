"""A plane with the real Mimir and Loki: what a Node sends is what its Domain reads, and nobody else."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.support.actors import refusal
from tests.support.control_plane import Plane, running_plane
from tests.support.enrolment import Agent, Site, new_site
from tests.support.servers import NatsServer
from tests.support.telemetry import event, line, query_logs, query_metrics, result_of, sample, send
from tests.support.telemetry_servers import TelemetryServer, running
from tests.support.waiting import until

pytestmark = pytest.mark.real
SERVER_OF = {"metrics": "mimir", "logs": "loki", "audit": "loki"}


@dataclass(frozen=True)
class Real:
    """A plane with one real backend; nothing listens at the address of the other."""

    plane: Plane
    backend: TelemetryServer
    site: Site
    agent: Agent

    def lines(self, query: str, *, client: httpx.Client | None = None, domain_id: str | None = None) -> list[str]:
        answer = query_logs(client or self.site.admin, domain_id or self.site.domain_id, query, limit="5000")
        return [text for stream in result_of(answer) for _, text, *_ in stream["values"]]

    def series(self, query: str) -> list[dict[str, Any]]:
        return result_of(query_metrics(self.site.admin, self.site.domain_id, query))


@contextlib.contextmanager
def real(name: str, postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    directory = tmp_path_factory.mktemp(name)
    with contextlib.ExitStack() as stack:
        backend = stack.enter_context(running(name, directory))
        nats = NatsServer(directory)
        stack.callback(nats.stop)
        variables: dict[str, Any] = {
            "PLEXSPHERE_OBS_NATS_URL": nats.url,
            f"PLEXSPHERE_{name.upper()}_URL": backend.url,
        }
        plane = stack.enter_context(running_plane(postgres_server, directory, **variables))
        clients = stack.enter_context(plane.client()), stack.enter_context(plane.client(None))
        site = new_site(plane, *clients)
        yield Real(plane, backend, site, site.node())


@pytest.fixture(scope="module")
def mimir(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with real("mimir", postgres_server, tmp_path_factory) as rig:
        yield rig


@pytest.fixture(scope="module")
def loki(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Real]:
    with real("loki", postgres_server, tmp_path_factory) as rig:
        yield rig


# ---- what is sent is what is read ------------------------------------------------------


def test_a_sample_is_read_with_its_labels(mimir: Real) -> None:
    sent = sample(value=0.25, labels={"cpu.socket": "0"})

    assert send(mimir.agent, "metrics", sent).status_code == 202
    until(lambda: bool(mimir.series(sent["name"])))

    (series,) = mimir.series(sent["name"])
    assert series["value"][1] == "0.25"
    assert series["metric"] == {
        "__name__": sent["name"],
        "cpu_socket": "0",
        "domain_id": mimir.site.domain_id,
        "group": "node_resources",
        "node_id": mimir.agent.id,
        "project_id": mimir.site.project_id,
    }


def test_a_range_is_read(mimir: Real) -> None:
    recent = sample()
    send(mimir.agent, "metrics", recent)
    until(lambda: bool(mimir.series(recent["name"])))
    moment = recent["timestamp"]

    window = {"start": moment[:11] + "00:00:00Z", "end": moment, "step": "5m"}
    answer = query_metrics(mimir.site.admin, mimir.site.domain_id, f"count_over_time({recent['name']}[1h])", **window)

    assert answer.json()["status_code"] == 200
    assert json.loads(answer.json()["body"])["data"]["resultType"] == "matrix"


def test_a_line_is_read_with_its_labels(loki: Real) -> None:
    sent = line(unit="plexd.service", hostname="edge-7", severity="err")

    assert send(loki.agent, "logs", sent).status_code == 202
    until(lambda: loki.lines('{signal="logs", severity="err"} | unit="plexd.service"') == [sent["message"]])

    (stream,) = result_of(query_logs(loki.site.admin, loki.site.domain_id, f'{{node_id="{loki.agent.id}"}}'))[-1:]
    assert stream["stream"].items() >= {
        ("domain_id", loki.site.domain_id),
        ("project_id", loki.site.project_id),
        ("node_id", loki.agent.id),
        ("signal", "logs"),
        ("severity", "err"),
        ("unit", "plexd.service"),
        ("hostname", "edge-7"),
    }


def test_an_audit_event_is_in_a_stream_of_its_own(loki: Real) -> None:
    sent = event(source="k8s", outcome="failure")

    assert send(loki.agent, "audit", sent).status_code == 202
    until(lambda: bool(loki.lines(f'{{signal="audit", source="k8s"}} | action="{sent["action"]}"')))

    (text,) = loki.lines(f'{{signal="audit"}} | json | outcome="failure" |= "{sent["action"]}"')
    assert json.loads(text) == {"source": "k8s", "action": sent["action"], "outcome": "failure"}
    assert not [each for each in loki.lines('{signal="logs"}') if sent["action"] in each]


# ---- tenants ---------------------------------------------------------------------------


def test_a_domain_reads_no_other_s_samples(mimir: Real) -> None:
    other = new_site(mimir.plane, mimir.site.admin, mimir.site.nobody)
    theirs, ours = sample(), sample()
    send(other.node(), "metrics", theirs)
    send(mimir.agent, "metrics", ours)
    until(lambda: bool(mimir.series(ours["name"])))
    until(lambda: bool(result_of(query_metrics(other.admin, other.domain_id, theirs["name"]))))

    everything = '{__name__=~".+"}'
    names = {each["metric"]["domain_id"] for each in mimir.series(everything)}
    assert names == {mimir.site.domain_id}
    assert mimir.series(f'{{domain_id="{other.domain_id}"}}') == []
    assert {
        each["metric"]["__name__"] for each in result_of(query_metrics(other.admin, other.domain_id, everything))
    } == {theirs["name"]}


def test_a_domain_reads_no_other_s_lines(loki: Real) -> None:
    other = new_site(loki.plane, loki.site.admin, loki.site.nobody)
    theirs, ours = line(), line()
    send(other.node(), "logs", theirs)
    send(loki.agent, "logs", ours)
    until(lambda: ours["message"] in loki.lines('{signal="logs"}'))
    until(lambda: loki.lines('{signal="logs"}', domain_id=other.domain_id) == [theirs["message"]])

    assert theirs["message"] not in loki.lines('{signal=~".+"}')
    assert loki.lines(f'{{domain_id="{other.domain_id}"}}') == []


# ---- faults ----------------------------------------------------------------------------


def test_a_wrong_expression_is_the_callers_fault(mimir: Real) -> None:
    answer = query_metrics(mimir.site.admin, mimir.site.domain_id, "sum(")

    assert refusal(answer) == (400, "query_invalid")
    assert "parse error" in answer.json()["detail"]


def test_a_wrong_log_expression_is_the_callers_fault(loki: Real) -> None:
    answer = query_logs(loki.site.admin, loki.site.domain_id, "{")

    assert refusal(answer) == (400, "query_invalid")
    assert "parse error" in answer.json()["detail"]


def test_lines_have_a_limit_and_a_direction(loki: Real) -> None:
    node = loki.site.node()
    sent = [line(timestamp=f"{line()['timestamp'][:19]}.{number:06}+00:00") for number in range(5)]
    send(node, "logs", *sent)
    query = f'{{node_id="{node.id}"}}'
    until(lambda: len(loki.lines(query)) == 5)

    def texts(**parameters: str) -> list[str]:
        answer = query_logs(loki.site.admin, loki.site.domain_id, query, **parameters)
        return [text for stream in result_of(answer) for _, text, *_ in stream["values"]]

    assert texts(limit="2") == [sent[4]["message"], sent[3]["message"]]
    assert texts(limit="2", direction="forward") == [sent[0]["message"], sent[1]["message"]]


def test_samples_may_come_out_of_order(mimir: Real) -> None:
    name = sample()["name"]
    for age_s in (0, 7200, 3600):
        moment = datetime.now(UTC) - timedelta(seconds=age_s)
        send(mimir.agent, "metrics", sample(name=name, timestamp=moment.isoformat()))
        until(lambda: bool(mimir.series(f"last_over_time({name}[3h])")))

    until(lambda: [each["value"][1] for each in mimir.series(f"count_over_time({name}[3h])")] == ["3"])


@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_a_killed_backend_gets_every_acknowledged_batch(request: pytest.FixtureRequest, signal: str) -> None:
    rig: Real = request.getfixturevalue(SERVER_OF[signal])
    node = rig.site.node()
    make = sample if signal == "metrics" else line
    sent = [make() for _ in range(60)]
    refused = None
    for number, each in enumerate(sent):
        if number == 20:
            rig.backend.stop()
            query = query_metrics if signal == "metrics" else query_logs
            refused = query(rig.site.admin, rig.site.domain_id, "up")
        if number == 40:
            rig.backend.start()
        assert send(node, signal, each).status_code == 202

    def stored() -> set[str]:
        if signal == "metrics":
            return {each["metric"]["__name__"] for each in rig.series(f'{{node_id="{node.id}"}}')}
        return set(rig.lines(f'{{node_id="{node.id}"}}'))

    assert refused is not None
    assert refusal(refused) == (502, "query_upstream_unavailable")
    until(lambda: stored() == {each["name" if signal == "metrics" else "message"] for each in sent})


@pytest.mark.parametrize("name", ["mimir", "loki"])
def test_a_backend_that_hangs_is_a_504(request: pytest.FixtureRequest, name: str) -> None:
    rig: Real = request.getfixturevalue(name)
    query = query_metrics if name == "mimir" else query_logs
    rig.site.admin.timeout = 20

    rig.backend.pause()
    try:
        answer = query(rig.site.admin, rig.site.domain_id, "up")
    finally:
        rig.backend.resume()

    assert refusal(answer) == (504, "query_upstream_timeout")
