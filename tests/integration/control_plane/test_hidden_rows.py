"""No list discloses rows that its caller may not read: neither in items, nor in cursors, nor by page boundaries."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import httpx
import pytest

from tests.support.actors import client_of, new_domain, new_project, new_user, refusal
from tests.support.control_plane import DOMAINS, Plane, unique
from tests.support.enrolment import new_site


@dataclass(frozen=True)
class Tenancy:
    """Two Domains of another user, and one that sorts between them in every order; each has a Project and a Node."""

    hidden: list[str]
    """Slugs and ids that the reader must not learn."""
    visible: dict[str, str]
    """By list, the id of the only row that the reader may read."""
    foreign_domain: str
    own_domain: str


@pytest.fixture(scope="module")
def operator(plane: Plane) -> Iterator[httpx.Client]:
    with plane.client("acme-corp") as client:
        yield client


@pytest.fixture(scope="module")
def tenancy(plane: Plane, operator: httpx.Client) -> Tenancy:
    made = []
    with plane.client(None) as agents:
        for letter in "abc":
            site = new_site(plane, operator, agents, slug=f"0-{letter}-{unique()}")
            operator.delete(f"/v1/projects/{site.project_id}")
            site = site.project(slug=f"0-{letter}-{unique()}")
            domain = operator.get(f"/v1/domains/{site.domain_id}").json()
            project = operator.get(f"/v1/projects/{site.project_id}").json()
            made.append((domain, project, site.node().id))
    (before, own, after) = made
    return Tenancy(
        hidden=[text for domain, project, node in (before, after) for text in _names(domain, project, node)],
        visible={"/v1/domains": own[0]["id"], "/v1/projects": own[1]["id"], "/v1/nodes": own[2]},
        foreign_domain=before[0]["id"],
        own_domain=own[0]["id"],
    )


@pytest.fixture(scope="module")
def reader(plane: Plane, tenancy: Tenancy) -> Iterator[httpx.Client]:
    """An auditor of the Domain in the middle: reads it, its Project and its Node, and nothing else."""
    with client_of(plane, new_user(plane, tenancy.own_domain, ("auditor", f"domain:{tenancy.own_domain}"))) as client:
        yield client


def _names(domain: dict[str, Any], project: dict[str, Any], node: str) -> list[str]:
    return [domain["id"], domain["slug"], project["id"], project["slug"], node]


UUID_TEXT = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
LISTS = ("/v1/domains", "/v1/projects", "/v1/nodes")


def test_the_admin_of_one_tenant_learns_no_other_s_slug(plane: Plane) -> None:
    with plane.client("gamma-coop") as gamma:
        page = gamma.get("/v1/domains", params={"limit": 1}).json()

    assert [each["id"] for each in page["items"]] == [DOMAINS["gamma-coop"]]
    assert "next_cursor" not in page


@pytest.mark.parametrize("path", LISTS)
def test_a_page_holds_what_its_caller_reads_and_ends_there(reader: httpx.Client, tenancy: Tenancy, path: str) -> None:
    answer = reader.get(path, params={"limit": 1})

    assert [each["id"] for each in answer.json()["items"]] == [tenancy.visible[path]]
    assert "next_cursor" not in answer.json()
    assert not [text for text in tenancy.hidden if text in answer.text]


@pytest.mark.parametrize("path", ["/v1/projects", "/v1/nodes"])
@pytest.mark.parametrize("whose", ["foreign", "own"])
def test_a_filter_by_domain_shows_no_more(reader: httpx.Client, tenancy: Tenancy, path: str, whose: str) -> None:
    domain = {"foreign": tenancy.foreign_domain, "own": tenancy.own_domain}[whose]

    answer = reader.get(path, params={"limit": 1, "domain_id": domain}).json()

    assert [each["id"] for each in answer["items"]] == ([tenancy.visible[path]] if whose == "own" else [])
    assert "next_cursor" not in answer


@pytest.mark.parametrize("path", LISTS)
def test_who_reads_nothing_gets_one_empty_page(plane: Plane, tenancy: Tenancy, path: str) -> None:
    with client_of(plane, new_user(plane, DOMAINS["gamma-coop"])) as stranger:
        answer = stranger.get(path, params={"limit": 1}).json()

    assert answer == {"items": []} | ({} if path == "/v1/nodes" else {"empty_reason": "no_rebac_membership"})


@pytest.mark.parametrize("path", [*LISTS, "audit", "identities", "resources", "bootstrap-tokens", "groups", "labels"])
def test_no_cursor_can_be_read(plane: Plane, operator: httpx.Client, tenancy: Tenancy, path: str) -> None:
    domain, project = tenancy.own_domain, tenancy.visible["/v1/projects"]
    target = {
        "audit": f"/v1/domains/{domain}/audit/entries?limit=1",
        "identities": f"/v1/domains/{domain}/identities?limit=1",
        "resources": f"/v1/projects/{project}/resources?limit=1",
        "bootstrap-tokens": f"/v1/projects/{project}/bootstrap-tokens?limit=1",
        "groups": f"/v1/admin/groups?domain_id={domain}&limit=1",
        "labels": f"/v1/label-definitions?scope=domain:{domain}&limit=1",
    }.get(path, f"{path}?limit=1")
    for _ in range(2):
        new_user(plane, domain)
        operator.post(f"/v1/projects/{project}/resources", json={"origin": "adopted", "kind": "vm"})
        issue = {"kind": "node", "env_prefix": "dev", "ttl_seconds": 300}
        assert operator.post(f"/v1/projects/{project}/bootstrap-tokens", json=issue).status_code == 201
        group = {"domain_id": domain, "slug": unique(), "display_name": "G", "source": "manual"}
        assert operator.post("/v1/admin/groups", json=group).status_code == 201
        label = {"local_key": unique(), "value_schema": {"kind": "boolean"}, "applicable_kinds": ["node"]}
        definition = {"scope": "domain", "scope_id": domain, **label}
        assert operator.post("/v1/label-definitions", json=definition).status_code == 201

    page = operator.get(target)

    assert "next_cursor" in page.json(), page.text
    cursor = page.json()["next_cursor"]
    raw = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    assert not [each for each in re.findall(UUID_TEXT, page.text) if uuid.UUID(each).bytes in raw]
    # No identifier and no time is shorter; 24 random bytes are all printable once in 10^10 times: (95 / 256) ** 24.
    assert not re.search(rb"[\x20-\x7e]{24}", raw)


def test_a_refusal_does_not_name_an_unreadable_sibling(plane: Plane, operator: httpx.Client) -> None:
    domain = new_domain(operator)
    pool = ip_network(domain["mesh_cidr"])
    first, second = (str(each) for each in list(pool.subnets(prefixlen_diff=1)))
    taken = new_project(operator, domain["id"], sub_range_cidr=first)
    own = new_project(operator, domain["id"], sub_range_cidr=second)
    with client_of(plane, new_user(plane, domain["id"], ("admin", f"project:{own['id']}"))) as admin:
        overlapping = admin.patch(f"/v1/projects/{own['id']}", json={"sub_range_cidr": first})
        outside = admin.patch(f"/v1/projects/{own['id']}", json={"sub_range_cidr": "10.0.0.0/24"})

    assert [refusal(overlapping), refusal(outside)] == [(409, "sub_range_overlap"), (400, "invalid_project")]
    for hidden in (taken["id"], first, domain["mesh_cidr"]):
        assert hidden not in overlapping.text + outside.text
