"""A control plane with an ingest buffer, and clients that check every answer against the contract's document."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.control_plane import running_plane
from tests.support.enrolment import Agent, Site, new_site
from tests.support.recording_backend import RecordingBackend
from tests.support.servers import NatsServer
from tests.support.telemetry import Rig


@pytest.fixture(scope="session")
def rig(postgres_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("ingest")
    with contextlib.ExitStack() as stack:
        nats = NatsServer(directory)
        stack.callback(nats.stop)
        mimir, loki = RecordingBackend(), RecordingBackend()
        stack.callback(mimir.stop)
        stack.callback(loki.stop)
        variables: dict[str, Any] = {
            "PLEXSPHERE_OBS_NATS_URL": nats.url,
            "PLEXSPHERE_MIMIR_URL": mimir.url,
            "PLEXSPHERE_LOKI_URL": f"{loki.url}/",
        }
        plane = stack.enter_context(running_plane(postgres_server, directory, **variables))
        yield Rig(plane, nats, mimir, loki)


@pytest.fixture(scope="session")
def operator(rig: Rig) -> Iterator[httpx.Client]:
    with rig.plane.client() as client:
        yield client


@pytest.fixture(scope="session")
def nobody(rig: Rig) -> Iterator[httpx.Client]:
    with rig.plane.client(None) as client:
        yield client


@pytest.fixture(scope="session")
def site(rig: Rig, operator: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(rig.plane, operator, nobody)


@pytest.fixture(scope="session")
def agent(site: Site) -> Agent:
    return site.node()
