"""The artifacts' SeaweedFS killed, hung, emptied and with other credentials; the plane degrades and recovers alone."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from plexsphere_reference.artifacts.fixture_releases import SEEDED
from tests.support.actors import refusal
from tests.support.control_plane import Plane, running_plane
from tests.support.seaweed import SeaweedServer, running_seed
from tests.support.second_api import second_api
from tests.support.servers import PostgresServer
from tests.support.waiting import until

PATH = "/v1/artifacts/plexd"
AWAY = (503, "artifact_store_unavailable")
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class Rig:
    """A plane of its own, whose SeaweedFS a test may stop."""

    plane: Plane
    seaweed: SeaweedServer

    def blobstore(self, client: httpx.Client) -> tuple[int, str, bool, bool, str]:
        """What ``/readyz`` says: its status and the summary, and of the probe: ok, informational, detail."""
        answer = client.get("/readyz")
        probe = next(each for each in answer.json()["probes"] if each["name"] == "blobstore")
        return (
            answer.status_code,
            answer.json()["status"],
            probe["ok"],
            probe.get("informational", False),
            probe.get("detail", ""),
        )


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("artifact-outages")
    with contextlib.ExitStack() as stack:
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        seaweed = SeaweedServer(directory)
        stack.callback(seaweed.stop)
        seed = stack.enter_context(running_seed(seaweed.variables))
        plane = stack.enter_context(running_plane(postgres.url, directory, spicedb=None, **seaweed.variables))
        assert seed.wait(TIMEOUT_S) == 0
        yield Rig(plane, seaweed)


@dataclass
class Reader:
    """Reads the index, a record and a bundle in turn until it is stopped, and counts the answers."""

    client: httpx.Client
    stopped: bool = False
    served: int = 0
    refusals: list[tuple[int, str]] = field(default_factory=list)

    def run(self) -> None:
        while not self.stopped:
            for rest in ("", "/0.1.0", "/0.1.0/sigstore"):
                answer = self.client.get(f"{PATH}{rest}")
                if answer.status_code == 200:
                    self.served += 1
                else:
                    self.refusals.append(refusal(answer))


def test_killed_under_load_it_is_away_and_then_back(rig: Rig) -> None:
    with contextlib.ExitStack() as stack:
        readers = [Reader(stack.enter_context(rig.plane.client())) for _ in range(4)]
        futures = [stack.enter_context(ThreadPoolExecutor(1)).submit(reader.run) for reader in readers]
        until(lambda: all(reader.served for reader in readers))
        rig.seaweed.stop()
        until(lambda: all(reader.refusals for reader in readers))
        status = rig.blobstore(readers[0].client)
        before = [reader.served for reader in readers]
        rig.seaweed.start()
        until(lambda: all(r.served > b for r, b in zip(readers, before, strict=True)))
        for reader in readers:
            reader.stopped = True
        for future in futures:
            future.result()
        recovered = rig.blobstore(readers[0].client)

    assert {refusal for reader in readers for refusal in reader.refusals} == {AWAY}
    assert status[:4] == (200, "degraded", False, True)
    assert recovered[:3] == (200, "ready", True)


def test_one_that_hangs_delays_nobody_else(rig: Rig) -> None:
    with rig.plane.client() as client, ThreadPoolExecutor(20) as pool:
        rig.seaweed.pause()
        try:
            started = time.monotonic()
            waiting = [pool.submit(client.get, f"{PATH}/0.1.0") for _ in range(20)]
            elsewhere = [client.get("/v1/domains").elapsed.total_seconds() for _ in range(20)]
            answers = [refusal(each.result()) for each in waiting]
            took_s = time.monotonic() - started
        finally:
            rig.seaweed.resume()
        until(lambda: client.get(PATH).status_code == 200)

    assert set(answers) == {AWAY}
    assert took_s < 8
    assert max(elsewhere) < 1


def test_an_api_ends_at_once_though_a_read_hangs(rig: Rig, tmp_path: Path) -> None:
    try:
        with second_api(rig.plane, tmp_path) as client:
            until(lambda: _answers(client, "/readyz"))
            rig.seaweed.pause()
            with pytest.raises(httpx.ReadTimeout):
                client.get(PATH, headers={"Authorization": f"Bearer {rig.plane.token()}"}, timeout=0.5)
            ending = time.monotonic()
        ended_after_s = time.monotonic() - ending
    finally:
        rig.seaweed.resume()

    assert ended_after_s < 2


def test_lost_content_is_put_back_by_the_seed(rig: Rig) -> None:
    with rig.plane.client() as client:
        before = client.get(PATH).json()
        rig.seaweed.stop()
        rig.seaweed.forget()
        rig.seaweed.start()
        rig.seaweed.wait()
        lost = refusal(client.get(PATH))
        detail = rig.blobstore(client)[4]
        with running_seed(rig.seaweed.variables) as seed:
            assert seed.wait(TIMEOUT_S) == 0
        after = client.get(PATH).json()

    assert lost == AWAY
    assert "there is no bucket plexsphere" in detail
    assert after == before
    assert [each["version"] for each in after["items"]] == [each.version for each in SEEDED]


def test_credentials_that_are_refused_are_named(rig: Rig, tmp_path: Path) -> None:
    with second_api(rig.plane, tmp_path, PLEXSPHERE_S3_SECRET_KEY="another") as client:
        client.headers["Authorization"] = f"Bearer {rig.plane.token()}"
        until(lambda: _answers(client))
        status = rig.blobstore(client)
        answers = [refusal(client.get(f"{PATH}{rest}")) for rest in ("", "/0.1.0", "/0.1.0/sigstore")]
        denied = client.get(PATH, headers={"Authorization": f"Bearer {rig.plane.token('beta-llc')}"})

    assert status[:4] == (503, "unhealthy", False, False)
    assert "S3 answers AccessDenied" in status[4]
    assert set(answers) == {AWAY}
    assert refusal(denied) == (403, "permission_denied")


def test_without_a_variable_the_surface_is_not_provisioned(rig: Rig, tmp_path: Path) -> None:
    with second_api(rig.plane, tmp_path, PLEXSPHERE_S3_BUCKET="") as client:
        until(lambda: _answers(client))
        answer = client.get(PATH)
        probes = {each["name"] for each in client.get("/readyz").json()["probes"]}

    assert refusal(answer) == (501, "artifacts_not_provisioned")
    assert "PLEXSPHERE_S3_BUCKET" in answer.json()["detail"]
    assert probes == {"db-primary", "spicedb"}


def _answers(client: httpx.Client, path: str = "/livez") -> bool:
    try:
        return client.get(path).status_code == 200
    except httpx.TransportError:
        return False
