"""A complete wait against a small server: its result, progress and errors."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence

import pytest

from pytest_plexdev.core.progress import ProgressEvent, VerdictChanged
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness import Graces, ObjectRef, verdicts_now, wait_ready
from tests.support.recordings import lines, subject
from tests.support.watch_server import Server

DEFAULT = Graces(old_evidence=0.0)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as found:
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[KubeClient]:
    with KubeClient(server.api.access) as found:
        yield found


def fails(
    client: KubeClient,
    wanted: Sequence[ObjectRef],
    timeout: float = 5.0,
    then: Callable[[], None] = lambda: None,
) -> PlexdevError:
    """The error of a wait that calls *then* after its first observation."""
    once = iter([then])

    def progress(_event: ProgressEvent) -> None:
        next(once, lambda: None)()

    with pytest.raises(PlexdevError) as raised:
        wait_ready(client, wanted, timeout=timeout, graces=DEFAULT, progress=progress)
    return raised.value


def test_the_way_to_ready_is_told_once_a_change(server: Server, client: KubeClient) -> None:
    events: list[ProgressEvent] = []
    ref = subject("becomes-ready")

    def tell() -> None:
        for item in lines("becomes-ready"):
            server.put([item])
            time.sleep(0.02)

    telling = threading.Thread(target=tell)

    def hear(event: ProgressEvent) -> None:
        if not events:
            telling.start()
        events.append(event)

    (verdict,) = wait_ready(client, [ref], timeout=10, progress=hear)
    telling.join()

    told = [
        (each.verdict.name, each.verdict.state, each.verdict.reason)
        for each in events
        if isinstance(each, VerdictChanged)
    ]
    assert verdict.state == "ready"
    assert told[0] == ("deployment/good", "waiting", "not created yet")
    assert told[-1] == ("deployment/good", "ready", "")
    assert all(one != other for one, other in itertools.pairwise(told))


def test_a_doomed_object_is_an_error_with_events_and_a_fix(server: Server, client: KubeClient) -> None:
    server.put([*lines("image-never-pulled"), *lines("becomes-ready")])
    error = fails(client, [subject("becomes-ready"), subject("image-never-pulled")])

    text = str(error)
    assert error.tag == "doomed-object"
    assert text.startswith("plexdev[doomed-object]: deployment/never will not become ready (after 0.")
    assert "why: pod/never-" in text.splitlines()[1]
    assert "| object            expected     actual  for" in text
    assert "deployment/never  1 available  0/1" in text
    assert "| 1 more are ready" in text
    assert "ErrImageNeverPull" in text
    assert "events of pod/never-" in text
    assert text.splitlines()[-1].startswith(
        "  fix: kubectl --kubeconfig fake --context fake describe -n default pod/never-"
    )


def test_the_error_names_the_first_culprit_of_all(server: Server, client: KubeClient) -> None:
    server.put([*lines("fails-its-probe"), *lines("waits-in-init")])
    error = fails(
        client, [subject("fails-its-probe"), subject("waits-in-init"), ObjectRef("Job", "never", "default")], 0.5
    )

    assert (error.tag, error.exit_code) == ("objects-not-ready", 124)
    assert "0 of 3 objects were ready within 0.5 s" in str(error)
    assert "job/never" in str(error)
    assert "not created yet" in str(error)


def test_what_is_deleted_and_not_replaced(server: Server, client: KubeClient) -> None:
    server.put(lines("fails-its-probe"))
    last = [item for item in lines("fails-its-probe") if item["kind"] == "Deployment"][-1]
    error = fails(client, [subject("fails-its-probe")], then=lambda: server.remove(last))

    assert error.tag == "object-gone"
    assert "deployment/unwell was deleted during the wait" in str(error)


def test_a_server_that_goes_away_for_good(server: Server, client: KubeClient) -> None:
    server.put(lines("fails-its-probe"))
    error = fails(client, [subject("fails-its-probe")], 2.0, then=server.stop)

    assert error.exit_code == 124
    assert "the API server of fake does not answer" in str(error)
    assert "deployment/unwell" in str(error)


def test_one_look_lists_each_kind_once(server: Server, client: KubeClient) -> None:
    server.put([*lines("becomes-ready"), *lines("fails-twice")])
    verdicts = verdicts_now(client, [subject("becomes-ready"), subject("fails-twice")])

    assert {each.name: each.state for each in verdicts} == {"deployment/good": "ready", "deployment/crash": "doomed"}
    assert set(server.api.lists.values()) == {1}
    assert all(each.hint.startswith("kubectl --kubeconfig fake") for each in verdicts if each.state != "ready")


def test_a_wait_from_inside_an_event_loop(server: Server, client: KubeClient) -> None:
    server.put(lines("becomes-ready"))

    async def inside() -> str:
        return wait_ready(client, [subject("becomes-ready")], timeout=5)[0].state

    assert asyncio.run(inside()) == "ready"


def test_nothing_to_wait_for(client: KubeClient) -> None:
    with contextlib.closing(client):
        assert wait_ready(client, [], timeout=1) == []


@pytest.mark.parametrize("says", [True, False])
def test_evidence_counts_from_the_time_of_the_apply(server: Server, client: KubeClient, *, says: bool) -> None:
    server.put(lines("image-never-pulled"))
    (scheduled,) = {
        seconds(condition["lastTransitionTime"])
        for item in lines("image-never-pulled")
        for condition in item.get("status", {}).get("conditions", ())
        if condition["type"] == "PodScheduled"
    }
    assert scheduled is not None
    ahead = scheduled + 5 - time.time()

    with pytest.raises(PlexdevError) as raised:
        wait_ready(
            client,
            [subject("image-never-pulled")],
            timeout=1.5,
            began=scheduled - 1 if says else None,
            now=lambda: time.time() + ahead,
        )

    assert raised.value.tag == ("doomed-object" if says else "objects-not-ready")
