from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import psycopg
import pytest

from tests.support.control_plane import Plane
from tests.support.enrolment import Agent, Site, new_site

FASTEST = {"heartbeat_interval": "10s", "stale_after": "30s", "unreachable_after": "60s"}
MANY = 12


@pytest.fixture
def site(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(plane, acme, nobody, reachability=FASTEST)


@pytest.fixture
def node(site: Site) -> Agent:
    """A healthy one."""
    node = site.node()
    assert node.heartbeat().status_code == 200
    return node


def moves(site: Site) -> list[tuple[str, str]]:
    """The transitions of the Domain's only Node, from its events; the audit rows must say the same."""
    rows = [row["decision"]["caveat_context"]["path"] for row in site.audit("node_reachability.transition")]
    events = [(each["from"], each["to"]) for each in site.events("NodeReachabilityChanged")]
    assert [(before, after) for before, after, _ in rows] == events
    return events


BORN = ("unreachable", "healthy")


def test_silence_then_a_heartbeat(site: Site, node: Agent) -> None:
    states = []
    for silence in (29, 31, 59, 61):
        site.age(node.id, silence)
        states.append(site.read_reachability(node.id)["state"])
    node.heartbeat()
    states.append(site.read_reachability(node.id)["state"])

    assert states == ["healthy", "stale", "stale", "unreachable", "healthy"]
    assert moves(site) == [BORN, ("healthy", "stale"), ("stale", "unreachable"), BORN]


def test_a_passed_deadline_counts_even_if_nobody_read_it(site: Site, node: Agent) -> None:
    site.age(node.id, 600)

    assert site.read_reachability(node.id)["state"] == "unreachable"
    assert moves(site) == [BORN, ("healthy", "stale"), ("stale", "unreachable")]


def test_a_heartbeat_after_deadlines_that_nobody_looked_at(site: Site, node: Agent) -> None:
    site.age(node.id, 600)
    node.heartbeat()

    assert moves(site) == [BORN, ("healthy", "stale"), ("stale", "unreachable"), BORN]
    assert site.read_reachability(node.id)["state"] == "healthy"


def test_changed_at_stands_still_between_transitions(site: Site, node: Agent) -> None:
    site.age(node.id, 35)
    first = site.read_reachability(node.id)
    site.age(node.id, 40)
    second = site.read_reachability(node.id)
    site.age(node.id, 65)
    third = site.read_reachability(node.id)

    assert first["state"] == second["state"] == "stale"
    assert first["changed_at"] == second["changed_at"] < third["changed_at"]


def test_a_more_patient_policy_takes_a_node_back(site: Site, node: Agent) -> None:
    site.age(node.id, 200)
    assert site.read_reachability(node.id)["state"] == "unreachable"

    patient = {"heartbeat_interval": "30s", "stale_after": "90s", "unreachable_after": "300s"}
    site.admin.patch(f"/v1/domains/{site.domain_id}", json={"reachability": patient})

    assert site.read_reachability(node.id)["state"] == "stale"
    assert moves(site)[-1] == ("unreachable", "stale")


def test_the_deadline_is_met_although_nobody_reads(site: Site, node: Agent) -> None:
    """The older heartbeat brings the deadline near; the policy change makes the evaluator recompute its deadlines."""
    with psycopg.connect(site.plane.database_url, autocommit=True) as listener:
        listener.execute("LISTEN plexsphere_outbox")
        site.age(node.id, 29.5)
        policy = {**FASTEST, "heartbeat_interval": "10s", "unreachable_after": "61s"}
        site.admin.patch(f"/v1/domains/{site.domain_id}", json={"reachability": policy})
        state = _state_when_it_changes(listener, site, node)

    assert state[0] == "stale"
    lateness = (state[1] - state[2]).total_seconds() - 30
    assert 0 <= lateness < 1


def test_readers_at_once_write_a_transition_once(site: Site, node: Agent) -> None:
    site.age(node.id, 600)

    with ThreadPoolExecutor(MANY) as pool:
        answers = list(pool.map(lambda _: site.read_reachability(node.id), range(MANY)))

    assert {each["state"] for each in answers} == {"unreachable"}
    assert len({each["changed_at"] for each in answers}) == 1
    assert moves(site) == [BORN, ("healthy", "stale"), ("stale", "unreachable")]


def test_heartbeats_and_readers_at_once(site: Site, node: Agent) -> None:
    site.age(node.id, 600)

    def job(number: int) -> int:
        return node.heartbeat().status_code if number % 2 else len(site.read_reachability(node.id)["state"])

    with ThreadPoolExecutor(MANY) as pool:
        list(pool.map(job, range(MANY)))

    assert site.read_reachability(node.id)["state"] == "healthy"
    assert moves(site) == [BORN, ("healthy", "stale"), ("stale", "unreachable"), BORN]
    assert site.admin.post(f"/v1/domains/{site.domain_id}/audit/verify", json={}).json()["ok"] is True


def test_a_transitions_audit_row(site: Site, node: Agent) -> None:
    [row] = site.audit("node_reachability.transition")

    assert row["object"] == {"type": "domain", "id": site.domain_id.replace("-", "")}
    assert row["decision"]["caveat_context"] == {
        "node": [node.id],
        "path": ["unreachable", "healthy", "heartbeat_received"],
    }


def _state_when_it_changes(
    listener: psycopg.Connection[Any], site: Site, node: Agent
) -> tuple[str, datetime, datetime]:
    query = "SELECT reachability, reachability_changed_at, last_heartbeat_at FROM plexsphere.nodes WHERE id = %s"
    for _ in listener.notifies(timeout=5):
        [state] = site.plane.sql(query, node.id)
        if state[0] != "healthy":
            return state
    pytest.fail("the evaluator did not write a transition within 5 s")
