"""Permission checks over HTTP with a real SpiceDB, and the plane's answers during its outage.

The whole of ``tests/integration/control_plane`` runs that way with ``PLEXDEV_TEST_SPICEDB=1``; these few always do.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from tests.support.actors import at_once, client_of, new_domain, new_user, refusal, walk
from tests.support.control_plane import DOMAINS, UNKNOWN_ID, Plane, run_program, running_plane, running_spicedb, ula
from tests.support.enrolment import Site, new_site
from tests.support.servers import PostgresServer, SpiceDBServer
from tests.support.waiting import until

pytestmark = pytest.mark.real

ACME = f"/v1/domains/{DOMAINS['acme-corp']}"
DENIED = (403, "permission_denied")
NO_AGENT = (403, "insufficient_relation")
UNAVAILABLE = (503, "authz_unavailable")


@dataclass(frozen=True)
class Rig:
    """A plane of its own, whose SpiceDB a test may stop."""

    plane: Plane
    spicedb: SpiceDBServer
    manifest: Path


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    directory = tmp_path_factory.mktemp("spicedb")
    with contextlib.ExitStack() as stack:
        spicedb = stack.enter_context(running_spicedb(directory))
        postgres = PostgresServer()
        stack.callback(postgres.remove)
        plane = stack.enter_context(running_plane(postgres.url, directory, spicedb=spicedb))
        yield Rig(plane, spicedb, directory / "seed.yaml")


@pytest.fixture
def operator(rig: Rig) -> Iterator[httpx.Client]:
    """The seeded admin of acme-corp, who creates Domains."""
    with rig.plane.client("acme-corp") as client:
        yield client


@pytest.fixture
def stranger(rig: Rig) -> Iterator[httpx.Client]:
    """The seeded admin of beta-llc."""
    with rig.plane.client("beta-llc") as client:
        yield client


@pytest.fixture
def site(rig: Rig, operator: httpx.Client) -> Iterator[Site]:
    """A new Domain and a Project in it, as their creator sees them."""
    with rig.plane.client(None) as nobody:
        yield new_site(rig.plane, operator, nobody)


@pytest.fixture
def as_user(rig: Rig, site: Site) -> Iterator[Callable[..., httpx.Client]]:
    """A client of a new user of the site's Domain who has one relation: ``as_user("member", "domain:…")``."""
    with contextlib.ExitStack() as opened:

        def make(relation: str, resource: str) -> httpx.Client:
            user = new_user(rig.plane, site.domain_id, (relation, resource))
            return opened.enter_context(client_of(rig.plane, user))

        yield make


def test_a_domain_is_its_creators_and_nobody_elses(
    rig: Rig, site: Site, operator: httpx.Client, stranger: httpx.Client
) -> None:
    path = f"/v1/domains/{site.domain_id}"

    assert operator.get(path).status_code == 200
    assert operator.patch(path, json={"name": "Renamed"}).json()["name"] == "Renamed"
    assert refusal(stranger.get(path)) == DENIED
    assert refusal(stranger.patch(path, json={"name": "Mine"})) == DENIED
    assert refusal(stranger.get(f"/v1/domains/{UNKNOWN_ID}")) == DENIED, "whether it exists is not told"
    assert rig.plane.sql("SELECT count(*) FROM plexsphere.relation_tuples") == [(0,)], "every tuple is SpiceDB's"


def test_roles_in_a_domain_and_a_project(site: Site, as_user: Callable[..., httpx.Client]) -> None:
    domain, project = f"/v1/domains/{site.domain_id}", f"/v1/projects/{site.project_id}"
    member = as_user("member", f"domain:{site.domain_id}")
    viewer = as_user("viewer", f"project:{site.project_id}")
    maintainer = as_user("maintainer", f"project:{site.project_id}")
    adopted = {"origin": "adopted", "kind": "vm"}

    assert member.get(domain).status_code == 200
    assert refusal(member.patch(domain, json={"name": "Mine"})) == DENIED
    assert refusal(member.get(project)) == DENIED, "a plain member of the Domain sees no Project"
    assert refusal(viewer.get(domain)) == DENIED
    assert viewer.get(project).status_code == 200
    assert viewer.get(f"{project}/resources").status_code == 200
    assert refusal(viewer.post(f"{project}/resources", json=adopted)) == DENIED
    assert maintainer.post(f"{project}/resources", json=adopted).status_code == 201
    assert refusal(maintainer.delete(project)) == DENIED


def test_a_node_enrols_and_its_gate_derives_from_the_domain(
    site: Site, stranger: httpx.Client, as_user: Callable[..., httpx.Client]
) -> None:
    issued = site.issue()
    node = site.node()
    reachability = f"/v1/nodes/{node.id}/reachability"

    assert node.heartbeat().status_code == 200
    assert site.read_reachability(node.id)["state"] == "healthy"
    assert refusal(stranger.get(reachability)) == NO_AGENT
    assert refusal(as_user("member", f"domain:{site.domain_id}").get(reachability)) == NO_AGENT
    assert as_user("admin", f"domain:{site.domain_id}").get(reachability).status_code == 200
    assert refusal(stranger.get(f"{site.tokens_url}/{issued['token_id']}")) == DENIED


def test_lists_show_what_the_caller_reads(
    site: Site, operator: httpx.Client, stranger: httpx.Client, as_user: Callable[..., httpx.Client]
) -> None:
    other = site.project()
    nodes = {site.node().id, site.node().id}
    elsewhere = other.node().id
    viewer = as_user("viewer", f"project:{site.project_id}")

    assert _ids(operator, "/v1/nodes") >= {*nodes, elsewhere}
    assert _ids(viewer, "/v1/nodes") == nodes
    assert _ids(viewer, "/v1/projects") == {site.project_id}
    assert _ids(viewer, "/v1/domains") == set()
    assert _ids(stranger, "/v1/domains") == {DOMAINS["beta-llc"]}
    assert site.domain_id in _ids(operator, "/v1/domains")


def test_a_spicedb_that_hangs(rig: Rig, operator: httpx.Client) -> None:
    created = new_domain(operator)
    rig.spicedb.pause()
    try:
        *answers, readiness = at_once(
            operator,
            [
                ("GET", ACME, None),
                ("GET", "/v1/domains", None),
                ("POST", "/v1/domains", {"name": "Late", "slug": "late", "mesh_cidr": ula()}),
                ("GET", "/readyz", None),
            ],
        )
    finally:
        rig.spicedb.resume()

    assert [refusal(answer) for answer in answers] == [UNAVAILABLE] * 3
    assert readiness.json()["status"] == "degraded"
    assert {probe["name"]: probe["ok"] for probe in readiness.json()["probes"]}["spicedb"] is False
    until(lambda: operator.get(f"/v1/domains/{created['id']}").status_code == 200)
    assert rig.plane.sql("SELECT 1 FROM plexsphere.domains WHERE slug = 'late'") == []


def test_a_spicedb_that_dies_and_comes_back_empty(rig: Rig, operator: httpx.Client, stranger: httpx.Client) -> None:
    rig.spicedb.stop()
    dead = [refusal(operator.get(ACME)), refusal(stranger.get("/v1/domains"))]
    rig.spicedb.start()
    empty = refusal(operator.get(ACME))
    run_program(rig.plane.environment, "bootstrap", "--manifest", str(rig.manifest))

    assert dead == [UNAVAILABLE] * 2
    assert empty == UNAVAILABLE, "without a schema nothing is known, so nobody is refused for good"
    until(lambda: operator.get(ACME).status_code == 200)
    assert refusal(stranger.get(ACME)) == DENIED
    assert operator.get("/readyz").json()["status"] == "ready"


def _ids(client: httpx.Client, path: str) -> set[str]:
    return {item["id"] for item in walk(client, path)}
