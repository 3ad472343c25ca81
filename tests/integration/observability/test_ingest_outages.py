"""The ingest buffer away and back, and a plane without some of its variables."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.actors import refusal
from tests.support.control_plane import running_plane
from tests.support.enrolment import Agent, new_site
from tests.support.recording_backend import RecordingBackend
from tests.support.second_api import second_api
from tests.support.servers import NatsServer, PostgresServer
from tests.support.telemetry import SIGNALS, Rig, line, query_logs, query_metrics, record, send
from tests.support.waiting import until


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Rig, Agent]]:
    """A plane whose NATS this module stops, and a Node."""
    directory = tmp_path_factory.mktemp("outages")
    with contextlib.ExitStack() as stack:
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        nats, backend = NatsServer(directory), RecordingBackend()
        stack.callback(nats.stop)
        stack.callback(backend.stop)
        variables: dict[str, Any] = {
            "PLEXSPHERE_OBS_NATS_URL": nats.url,
            "PLEXSPHERE_MIMIR_URL": backend.url,
            "PLEXSPHERE_LOKI_URL": backend.url,
        }
        plane = stack.enter_context(running_plane(postgres.url, directory, **variables))
        clients = stack.enter_context(plane.client()), stack.enter_context(plane.client(None))
        yield Rig(plane, nats, backend, backend), new_site(plane, *clients).node()


def texts(rig: Rig) -> str:
    return "".join(each.body.decode(errors="replace") for each in rig.loki.received)


@pytest.mark.parametrize("signal", SIGNALS)
def test_without_nats_a_batch_is_not_acknowledged(own: tuple[Rig, Agent], signal: str) -> None:
    rig, agent = own
    until(lambda: send(agent, signal, record(signal)).status_code == 202)

    rig.nats.stop()
    refused = [send(agent, signal, record(signal)) for _ in range(3)]
    rig.nats.start()

    assert {refusal(each) for each in refused} == {(503, "ingest_buffer_unavailable")}
    assert int(refused[0].headers["retry-after"]) > 0
    until(lambda: send(agent, signal, record(signal)).status_code == 202)


def test_a_nats_restart_loses_no_acknowledged_batch(own: tuple[Rig, Agent]) -> None:
    rig, agent = own
    rig.loki.answer(503, times=5)
    acknowledged = []
    for number in range(60):
        if number == 20:
            rig.nats.stop()
        if number == 30:
            rig.nats.start()
        sent = line()
        if send(agent, "logs", sent).status_code == 202:
            acknowledged.append(sent["message"])
    until(lambda: send(agent, "logs", line()).status_code == 202)

    assert len(acknowledged) >= 20
    until(lambda: all(each in texts(rig) for each in acknowledged))


def test_a_new_nats_is_used_without_a_restart(own: tuple[Rig, Agent]) -> None:
    rig, agent = own

    rig.nats.stop()
    rig.nats.forget()
    rig.nats.start()
    until(lambda: send(agent, "logs", line()).status_code == 202)
    last = line()
    send(agent, "logs", last)

    until(lambda: last["message"] in texts(rig))


def test_a_surface_without_its_variable_is_not_provisioned(own: tuple[Rig, Agent], tmp_path: Path) -> None:
    rig, agent = own

    def codes(**environment: str) -> list[tuple[int, str]]:
        with second_api(rig.plane, tmp_path, **environment) as client:
            client.headers["Authorization"] = f"Bearer {rig.plane.token()}"
            node = Agent(agent.id, agent.mesh_ip, agent.bearer, client)
            answers: list[httpx.Response] = [send(node, signal, {}) for signal in SIGNALS]
            answers += [query_metrics(client, "x", "up"), query_logs(client, "x", "up")]
            return [refusal(each) for each in answers]

    ingest, query = (501, "observability_ingest_not_provisioned"), (501, "observability_not_provisioned")
    refused = {(400, "ingest_batch_malformed"), (400, "invalid_domain_id")}
    without_nats = codes(PLEXSPHERE_OBS_NATS_URL="")
    without_mimir = codes(PLEXSPHERE_MIMIR_URL="")
    without_loki = codes(PLEXSPHERE_LOKI_URL="")
    assert (without_nats[:3], set(without_nats[3:])) == ([ingest] * 3, {(400, "invalid_domain_id")})
    assert (without_mimir[0], without_mimir[3], {*without_mimir[1:3], without_mimir[4]}) == (ingest, query, refused)
    assert (without_loki[1:3], without_loki[4], {without_loki[0], without_loki[3]}) == ([ingest] * 2, query, refused)
