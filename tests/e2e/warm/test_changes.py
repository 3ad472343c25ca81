"""Reset the stack of a warm cluster, and restart its services."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator

import nats
import psycopg
import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.progress import no_progress
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.stack.kind.port_forward import Forwards
from pytest_plexdev.stack.kind.settings import KindSettings
from pytest_plexdev.stack.kind.state import endpoints
from pytest_plexdev.stack.kind.warm import up
from pytest_plexdev.stack.kind.warm.changes import KindChanges
from tests.support.kind_stacks import ProgressRecorder
from tests.support.warm_cluster import pods


@pytest.fixture
def forwards(info: StackInfo) -> Iterator[Forwards]:
    assert info.cluster is not None
    with contextlib.closing(Forwards(info.cluster)) as opened:
        yield opened


def domains(forwards: Forwards) -> list[tuple[str, str]]:
    with psycopg.connect(forwards.url("postgres")) as connection:
        return connection.execute("SELECT slug, name FROM plexsphere.domains ORDER BY slug").fetchall()


def messages(forwards: Forwards) -> int:
    async def count() -> int:
        client = await nats.connect(forwards.url("nats"))
        try:
            return sum(each.state.messages for each in await client.jetstream().streams_info())
        finally:
            await client.close()

    return asyncio.run(count())


def test_a_reset_brings_back_the_seed_and_replaces_no_pod(
    info: StackInfo, settings: KindSettings, client: KubeClient, forwards: Forwards
) -> None:
    seeded, before = domains(forwards), pods(client)
    with psycopg.connect(forwards.url("postgres")) as connection:
        connection.execute("UPDATE plexsphere.domains SET name = 'changed'")
        connection.execute("DELETE FROM plexsphere.idp_bindings")
        connection.execute("DELETE FROM plexsphere.relation_tuple")

    KindChanges(info, settings).reset(no_progress)

    assert domains(forwards) == seeded
    assert messages(forwards) == 0
    assert pods(client) == before
    endpoints.wait_until_healthy(info.endpoints.api, deadline=time.monotonic() + 10)
    _, did = up.bring_up(settings, ProgressRecorder())
    assert did[0] == "images, objects, bootstrap: skipped, the cluster has this fingerprint"


def test_restarted_services_are_ready_and_keep_their_data(
    info: StackInfo, settings: KindSettings, client: KubeClient, forwards: Forwards
) -> None:
    with psycopg.connect(forwards.url("postgres")) as connection:
        connection.execute("CREATE TABLE public.kept (id integer)")
    before = pods(client)

    KindChanges(info, settings).restart(["postgres", "nats", "plexsphere"], no_progress)

    endpoints.wait_until_healthy(info.endpoints.api, deadline=time.monotonic() + 30)
    assert len(pods(client) - before) == len(before - pods(client)) == 1  # the API's
    forwards.close()
    with psycopg.connect(forwards.url("postgres")) as connection:
        connection.execute("DROP TABLE public.kept")
