"""Outages of Postgres and NATS under load: acknowledged writes persist, and the plane recovers without a restart."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import nats
import pytest

from tests.support.control_plane import DOMAINS, Plane, running_plane, ula, unique
from tests.support.servers import NatsServer, PostgresServer
from tests.support.waiting import until

STREAM = "PLEXSPHERE_NODE_EVENTS"
ACME = f"/v1/domains/{DOMAINS['acme-corp']}"
TIMEOUT_S = 15.0


@dataclass(frozen=True)
class Rig:
    """A plane of its own, whose servers a test may stop."""

    plane: Plane
    postgres: PostgresServer
    nats: NatsServer


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("outages")
    with contextlib.ExitStack() as stack:
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        nats_server = NatsServer(directory)
        stack.callback(nats_server.stop)
        plane = stack.enter_context(running_plane(postgres.url, directory, PLEXSPHERE_NATS_URL=nats_server.url))
        yield Rig(plane, postgres, nats_server)


@dataclass
class Writer:
    """Creates Projects one after another until it is stopped, and records the answers."""

    client: httpx.Client
    stopped: bool = False
    acknowledged: list[str] = field(default_factory=list)
    refusals: list[tuple[int, str]] = field(default_factory=list)

    def run(self) -> None:
        while not self.stopped:
            body = {"domain_id": DOMAINS["acme-corp"], "name": "Load", "slug": unique("load")}
            response = self.client.post("/v1/projects", json=body)
            if response.status_code == 201:
                self.acknowledged.append(response.json()["slug"])
            else:
                self.refusals.append((response.status_code, response.json()["code"]))


def test_a_postgres_restart_loses_no_acknowledged_write(rig: Rig) -> None:
    with contextlib.ExitStack() as stack:
        writers = [Writer(stack.enter_context(rig.plane.client())) for _ in range(4)]
        pool = stack.enter_context(ThreadPoolExecutor(4))
        futures = [pool.submit(writer.run) for writer in writers]
        _until(lambda: all(writer.acknowledged for writer in writers), futures)
        rig.postgres.stop()
        _until(lambda: all(writer.refusals for writer in writers), futures)
        before = [len(writer.acknowledged) for writer in writers]
        rig.postgres.start()
        _until(lambda: all(len(w.acknowledged) > b for w, b in zip(writers, before, strict=True)), futures)
        for writer in writers:
            writer.stopped = True
        for future in futures:
            future.result()
        verified = writers[0].client.post(f"{ACME}/audit/verify").json()["ok"]

    kept = {slug for (slug,) in rig.plane.sql("SELECT slug FROM plexsphere.projects WHERE slug LIKE 'load-%%'")}
    assert {slug for writer in writers for slug in writer.acknowledged} <= kept
    assert {refusal for writer in writers for refusal in writer.refusals} == {(503, "datastore_unavailable")}
    assert verified is True


def test_without_postgres_the_plane_says_so(rig: Rig) -> None:
    with rig.plane.client() as client:
        rig.postgres.stop()
        try:
            answers = {path: client.get(path) for path in ("/readyz", "/v1/health", ACME, "/livez")}
        finally:
            rig.postgres.start()
        _until(lambda: client.get("/readyz").status_code == 200)

    assert {path: answer.status_code for path, answer in answers.items()} == {
        "/readyz": 503,
        "/v1/health": 503,
        ACME: 503,
        "/livez": 200,
    }
    assert answers["/readyz"].json()["status"] == "unhealthy"
    assert answers["/v1/health"].json()["status"] == "down"


def test_events_are_published_once_after_nats_is_back(rig: Rig) -> None:
    with rig.plane.client() as client:
        _until(lambda: client.get("/readyz").json()["status"] == "ready")
        rig.nats.stop()
        created = client.post("/v1/domains", json={"name": "Later", "slug": unique(), "mesh_cidr": ula()}).json()
        _until(lambda: client.get("/readyz").json()["status"] == "degraded")
        probes = {probe["name"]: probe for probe in client.get("/readyz").json()["probes"]}
        rig.nats.start()
        event = _events(rig.nats.url, f"plexsphere.events.{created['id']}.>", count=1)[0]

    assert (probes["jetstream"]["ok"], probes["jetstream"]["informational"]) == (False, True)
    assert event.subject == f"plexsphere.events.{created['id']}.DomainCreated"
    (row,) = rig.plane.sql("SELECT id::text, seq FROM plexsphere.outbox_events WHERE aggregate_id = %s", created["id"])
    assert event.headers["Nats-Msg-Id"] == row[0]
    _until(
        lambda: (
            rig.plane.sql("SELECT last_published_seq FROM plexsphere.sse_relay_cursor WHERE stream_name = %s", STREAM)[
                0
            ][0]
            >= row[1]
        )
    )


def test_every_event_is_in_the_stream_exactly_once(rig: Rig) -> None:
    _until(lambda: not rig.plane.sql("SELECT 1 FROM plexsphere.outbox_events WHERE published_at IS NULL"))
    written = [str(row[0]) for row in rig.plane.sql("SELECT id FROM plexsphere.outbox_events ORDER BY seq")]

    published = [event.headers["Nats-Msg-Id"] for event in _events(rig.nats.url, "plexsphere.events.>", len(written))]

    assert len(published) == len(set(published))
    assert sorted(published) == sorted(written)


def test_an_emptied_nats_gets_its_stream_before_the_next_event(rig: Rig) -> None:
    with rig.plane.client() as client:
        rig.nats.stop()
        rig.nats.forget()
        rig.nats.start()
        _until(lambda: client.get("/readyz").json()["status"] == "ready")
        created = client.post("/v1/domains", json={"name": "After", "slug": unique(), "mesh_cidr": ula()}).json()
        event = _events(rig.nats.url, f"plexsphere.events.{created['id']}.>", count=1)[0]

    assert event.subject == f"plexsphere.events.{created['id']}.DomainCreated"


def _until(holds: Any, futures: list[Future[None]] | None = None) -> None:
    """Return once ``holds()`` is true; fail after the timeout, or if a writer failed."""

    def holds_while_all_write() -> bool:
        for future in futures or []:
            if future.done():
                future.result()
        return bool(holds())

    until(holds_while_all_write, within_s=TIMEOUT_S)


def _events(url: str, subject: str, count: int) -> list[Any]:
    """The first events of a subject; waits for them."""

    async def read() -> list[Any]:
        connection = await nats.connect(url)
        subscription = await connection.jetstream().subscribe(subject, ordered_consumer=True)
        events = [await subscription.next_msg(timeout=TIMEOUT_S) for _ in range(count)]
        await connection.close()
        return events

    return asyncio.run(read())
