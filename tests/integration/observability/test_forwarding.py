"""The way of a batch from the buffer to its backend, with backends that answer as a test wants."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cramjam import snappy

from plexsphere_reference.observability.remote_write_pb2 import WriteRequest
from tests.support.control_plane import open_listener, run_server
from tests.support.enrolment import Agent, Site
from tests.support.recording_backend import RecordingBackend
from tests.support.telemetry import Rig, event, line, sample, send
from tests.support.waiting import until


def backend_of(rig: Rig, signal: str) -> RecordingBackend:
    return rig.mimir if signal == "metrics" else rig.loki


def pushes_of(backend: RecordingBackend, marker: str) -> list[bytes]:
    """The bodies of the pushes that contain a text, decompressed."""
    bodies = [
        bytes(snappy.decompress_raw(each.body))
        if each.path.endswith("/v1/push") and each.body[:1] != b"{"
        else each.body
        for each in backend.received
    ]
    return [each for each in bodies if marker.encode() in each]


def test_a_sample_is_written_with_the_labels_of_its_node(rig: Rig, site: Site, agent: Agent) -> None:
    given = {"mode": "user", "node_id": "mine", "cpu.socket": "0", "9": "x", "empty": ""}
    sent = sample(labels=given, timestamp="2026-11-29T10:15:30.250Z", value=-0.5)

    send(agent, "metrics", sent)
    until(lambda: bool(pushes_of(rig.mimir, sent["name"])))

    (pushed,) = [each for each in rig.mimir.received if sent["name"].encode() in snappy.decompress_raw(each.body)]
    (series,) = WriteRequest.FromString(bytes(snappy.decompress_raw(pushed.body))).timeseries
    headers = {name.lower(): value for name, value in pushed.headers.items()}
    assert pushed.path == "/api/v1/push"
    assert headers["x-scope-orgid"] == site.domain_id
    assert headers["content-encoding"] == "snappy"
    assert headers["x-prometheus-remote-write-version"] == "0.1.0"
    assert [(each.name, each.value) for each in series.labels] == sorted(
        {
            "__name__": sent["name"],
            "_9": "x",
            "cpu_socket": "0",
            "domain_id": site.domain_id,
            "group": "node_resources",
            "mode": "user",
            "node_id": agent.id,
            "project_id": site.project_id,
        }.items()
    )
    assert [(each.value, each.timestamp) for each in series.samples] == [(-0.5, 1795947330250)]


def test_samples_of_a_series_are_written_in_the_order_of_time(rig: Rig, agent: Agent) -> None:
    later = sample(timestamp="2026-11-29T10:15:31Z", value=2)
    earlier = {**later, "timestamp": "2026-11-29T10:15:30Z", "value": 1}

    send(agent, "metrics", later, earlier)
    until(lambda: bool(pushes_of(rig.mimir, later["name"])))

    (body,) = pushes_of(rig.mimir, later["name"])
    (series,) = WriteRequest.FromString(body).timeseries
    assert [each.value for each in series.samples] == [1, 2]


def test_a_line_goes_to_the_stream_of_its_node(rig: Rig, site: Site, agent: Agent) -> None:
    sent = line(unit="plexd.service", severity="err", timestamp="2026-11-29T10:15:30.000001+01:00", email="a@b.example")

    send(agent, "logs", sent)
    until(lambda: bool(pushes_of(rig.loki, sent["message"])))

    (body,) = pushes_of(rig.loki, sent["message"])
    ours = {"domain_id": site.domain_id, "project_id": site.project_id, "node_id": agent.id}
    assert json.loads(body) == {
        "streams": [
            {
                "stream": {"signal": "logs", **ours, "severity": "err"},
                "values": [["1795943730000001000", sent["message"], {"unit": "plexd.service"}]],
            }
        ]
    }


def test_audit_events_have_a_stream_of_their_own(rig: Rig, agent: Agent) -> None:
    sent = event(source="k8s")

    send(agent, "audit", sent)
    until(lambda: bool(pushes_of(rig.loki, sent["action"])))

    (body,) = pushes_of(rig.loki, sent["action"])
    (stream,) = json.loads(body)["streams"]
    ((_, text, metadata),) = stream["values"]
    assert (stream["stream"]["signal"], stream["stream"]["source"]) == ("audit", "k8s")
    assert json.loads(text) == {"source": "k8s", "action": sent["action"], "outcome": "success"}
    assert metadata == {"action": sent["action"], "outcome": "success"}


@pytest.mark.parametrize("status", [429, 500, 503, 401, 404, 302])
@pytest.mark.parametrize("signal", ["metrics", "logs"])
def test_what_a_backend_does_not_take_is_sent_again(rig: Rig, agent: Agent, signal: str, status: int) -> None:
    backend = backend_of(rig, signal)
    backend.answer(status, times=2)
    sent = sample() if signal == "metrics" else line()

    send(agent, signal, sent)

    marker = sent["name"] if signal == "metrics" else sent["message"]
    until(lambda: len(pushes_of(backend, marker)) == 3)


def test_more_failures_than_attempts_lose_nothing(rig: Rig, agent: Agent) -> None:
    sent = line()
    rig.loki.answer(500, times=6)

    send(agent, "logs", sent)

    until(lambda: len(pushes_of(rig.loki, sent["message"])) == 7)


def test_a_batch_that_is_refused_is_dropped_with_a_log_line(rig: Rig, agent: Agent) -> None:
    refused, next_one = line(), line()
    rig.loki.answer(400, b"entry for stream has timestamp too new")

    send(agent, "logs", refused)
    until(lambda: "entry for stream has timestamp too new" in rig.plane.log.read_text())
    send(agent, "logs", next_one)
    until(lambda: bool(pushes_of(rig.loki, next_one["message"])))

    assert len(pushes_of(rig.loki, refused["message"])) == 1
    dropped = [each for each in rig.plane.log.read_text().splitlines() if "timestamp too new" in each]
    assert [each.startswith('level=ERROR msg="batch refused by its backend and dropped"') for each in dropped] == [True]
    assert agent.id in dropped[0]


def test_a_backend_that_is_away_does_not_hold_up_the_other(rig: Rig, agent: Agent) -> None:
    rig.mimir.answer(503, times=4)
    metric, text = sample(), line()

    send(agent, "metrics", metric)
    until(lambda: bool(pushes_of(rig.mimir, metric["name"])))
    send(agent, "logs", text)
    until(lambda: bool(pushes_of(rig.loki, text["message"])))

    until(lambda: len(pushes_of(rig.mimir, metric["name"])) == 5)


def test_a_repeated_batch_is_stored_once(rig: Rig, agent: Agent) -> None:
    sent, last = line(), line()

    answers = [send(agent, "logs", sent).status_code for _ in range(3)]
    send(agent, "logs", last)
    until(lambda: bool(pushes_of(rig.loki, last["message"])))

    assert answers == [202, 202, 202]
    assert len(pushes_of(rig.loki, sent["message"])) == 1


def test_processes_share_the_batches(rig: Rig, agent: Agent, tmp_path: Path) -> None:
    listener = open_listener()
    arguments = ["--listen", f"fd:{listener.fileno()}"]
    sent = [line() for _ in range(40)]
    with run_server(
        tmp_path, rig.plane.environment, "plexsphere_reference", "api", *arguments, listener=listener
    ) as second:
        for each in sent:
            assert send(agent, "logs", each).status_code == 202
        until(lambda: all(pushes_of(rig.loki, each["message"]) for each in sent))
        assert second.poll() is None

    assert [len(pushes_of(rig.loki, each["message"])) for each in sent] == [1] * len(sent)
