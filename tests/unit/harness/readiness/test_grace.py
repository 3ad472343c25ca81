"""Grace periods: when a doomed object is final, in repeated observations of the same cache."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_plexdev.kube.timestamps import seconds
from pytest_plexdev.readiness.grace import Graces, Patience, conclude
from pytest_plexdev.readiness.object_cache import ObjectCache
from pytest_plexdev.readiness.object_ref import ObjectRef
from pytest_plexdev.readiness.object_status import ObjectStatus
from pytest_plexdev.readiness.rules import status_of
from tests.support.recordings import end, moments, subject

LONG_AGO = 0.0


def began_before(case: str) -> float:
    """A Unix time before the recorded workload was created."""
    item = end(case).get(subject(case))
    assert item is not None
    return (seconds(item["metadata"]["creationTimestamp"]) or 0.0) - 10


@pytest.mark.parametrize(
    ("case", "grace"),
    [("image-never-pulled", 0.0), ("config-map-missing", 3.0), ("too-large", 3.0), ("job-fails", 0.0)],
)
def test_a_doubt_must_hold_for_its_grace(case: str, grace: float) -> None:
    cache, ref, now = end(case), subject(case), began_before(case) + 20
    patience = Patience(began_before(case))

    first = patience.look([ref], cache, now)[0].state
    assert first == ("waiting" if grace else "doomed")
    if grace:
        assert patience.next_look == now + grace
        assert patience.look([ref], cache, now + grace - 0.1)[0].state == "waiting"
    assert patience.look([ref], cache, now + grace)[0].state == "doomed"


def test_a_doubt_that_was_lifted_begins_anew() -> None:
    case = "config-map-missing"
    cache, ref, now = end(case), subject(case), began_before(case) + 20
    patience = Patience(began_before(case))
    patience.look([ref], cache, now)
    mended = ObjectCache(each for each in (cache.get(ref),) if each is not None)
    assert patience.look([ref], mended, now + 2)[0].state == "waiting"

    assert patience.look([ref], cache, now + 4)[0].state == "waiting"
    assert patience.look([ref], cache, now + 7)[0].state == "doomed"


def test_a_failure_from_before_the_wait_may_be_mended_by_now() -> None:
    case = "fails-twice"
    cache, ref = end(case), subject(case)
    began = began_before(case) + 1000
    patience = Patience(began, Graces(old_evidence=20))

    assert patience.look([ref], cache, began)[0].state == "waiting"
    assert patience.look([ref], cache, began + 19)[0].state == "waiting"
    assert patience.look([ref], cache, began + 20)[0].state == "doomed"


def test_a_job_that_failed_before_the_wait_stays_failed() -> None:
    began = began_before("job-fails") + 1000

    assert Patience(began).look([subject("job-fails")], end("job-fails"), began)[0].state == "doomed"


def test_a_container_without_a_probe_must_stay_up_for_a_moment() -> None:
    case = "out-of-memory"
    ref = subject(case)
    cache = next(cache for cache in moments(case) if status_of(ref, cache).state == "ready")
    started = status_of(ref, cache).since
    assert started is not None
    patience = Patience(began_before(case))

    found = patience.look([ref], cache, started + 0.5)[0]
    assert (found.state, found.reason) == (
        "waiting",
        "ready, but without a readiness probe: it may still exit",
    )
    assert patience.next_look == started + 2
    assert patience.look([ref], cache, started + 2)[0].state == "ready"


def test_a_container_with_a_probe_is_ready_at_once() -> None:
    case = "becomes-ready"
    since = status_of(subject(case), end(case)).since
    assert since is not None

    assert Patience(0.0).look([subject(case)], end(case), since)[0].state == "ready"


@pytest.mark.parametrize(("case", "state"), [("becomes-ready", "gone"), ("job-completes", "ready")])
def test_what_is_deleted_is_gone_but_a_complete_job_is_done(case: str, state: str) -> None:
    cache, ref = end(case), subject(case)
    patience = Patience(LONG_AGO, Graces(replacement=2))
    patience.look([ref], cache, 100.0)
    cache.remove(ref)

    patience.look([ref], cache, 101.0)
    assert patience.look([ref], cache, 102.9)[0].state == ("waiting" if state == "gone" else "ready")
    assert patience.look([ref], cache, 103.0)[0].state == state


def test_what_is_created_anew_in_time_is_waited_for() -> None:
    cache, ref = end("becomes-ready"), subject("becomes-ready")
    item = cache.get(ref)
    assert item is not None
    patience = Patience(LONG_AGO)
    cache.remove(ref)
    patience.look([ref], cache, 100.0)
    cache.put(ref, item)

    assert patience.look([ref], cache, 103.0)[0].state in ("ready", "waiting")
    cache.remove(ref)
    assert patience.look([ref], cache, 103.5)[0].state == "waiting"


def test_what_came_late_before_the_wait_tells_nothing() -> None:
    late = ObjectStatus(ref=ObjectRef("Deployment", "x"), state="doomed", failed_at=50.0, only_news=True)

    def state(began: float) -> str:
        return Patience(began)._doubted(late, began + 1000).state

    assert state(100.0) == "waiting"
    assert state(40.0) == "doomed"


@pytest.mark.parametrize(("age", "state"), [(1.0, "waiting"), (4.0, "doomed")])
def test_one_look_counts_a_grace_from_the_cluster_s_own_time(age: float, state: str) -> None:
    parts: dict[str, Any] = {"ref": ObjectRef("Pod", "x", "default"), "state": "doomed", "grace": 3.0}

    assert conclude([ObjectStatus(**parts, since=100.0)], 100.0 + age)[0].state == state
