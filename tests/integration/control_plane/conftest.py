"""A running control plane, and clients that check every answer against the contract's document."""

from __future__ import annotations

import contextlib
import os
import secrets
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.support.actors import binding_of, new_domain, new_project
from tests.support.audit_cases import Objects, something_of_everything
from tests.support.browsing import Browser
from tests.support.control_plane import Plane, discovery_url, running_plane, running_spicedb
from tests.support.enrolment import Site, new_site
from tests.support.idp_bindings import new_binding
from tests.support.openbao import OpenBaoServer
from tests.support.rogue_idp import RogueIdp, rogue_idp
from tests.support.rogue_tenant import Tenant, bound_to
from tests.support.seaweed import SeaweedServer, running_seed


@pytest.fixture(scope="session")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBaoServer]:
    """The plane's OpenBao. A test that stops it starts it again."""
    server = OpenBaoServer(tmp_path_factory.mktemp("openbao"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def plane(postgres_server: str, openbao: OpenBaoServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """Postgres, OpenBao, SeaweedFS, identity provider, signer and API; the three tenants and the artifacts seeded.

    With ``PLEXDEV_TEST_SPICEDB=1`` around the tests a real SpiceDB decides, else its stand-in.
    """
    directory = tmp_path_factory.mktemp("plane")
    with contextlib.ExitStack() as stack:
        spicedb = None
        if os.environ.get("PLEXDEV_TEST_SPICEDB") == "1":
            spicedb = stack.enter_context(running_spicedb(directory))
        seaweed = SeaweedServer(directory)
        stack.callback(seaweed.stop)
        # The API is ready once the seed has made the bucket.
        seed = stack.enter_context(running_seed(seaweed.variables))
        variables = {**openbao.variables, **seaweed.variables}
        plane = stack.enter_context(running_plane(postgres_server, directory, spicedb=spicedb, **variables))
        assert seed.wait(30) == 0
        yield plane


@pytest.fixture
def acme(plane: Plane) -> Iterator[httpx.Client]:
    """A client as the seeded admin of acme-corp, who is a platform operator too."""
    with plane.client("acme-corp") as client:
        yield client


@pytest.fixture
def beta(plane: Plane) -> Iterator[httpx.Client]:
    """A client as the seeded admin of beta-llc."""
    with plane.client("beta-llc") as client:
        yield client


@pytest.fixture
def nobody(plane: Plane) -> Iterator[httpx.Client]:
    """A client without a credential."""
    with plane.client(None) as client:
        yield client


@pytest.fixture
def ids(plane: Plane, acme: httpx.Client) -> dict[str, str]:
    """A path prefix, and the id of an object below it that the caller may write."""
    domain = new_domain(acme)
    project = new_project(acme, domain["id"])
    resource = acme.post(f"/v1/projects/{project['id']}/resources", json={"origin": "adopted", "kind": "vm"}).json()
    known = {
        "issuer": plane.issuer,
        "discovery_url": discovery_url(plane.issuer),
        "client_secret_ref": "env:PLEXSPHERE_DEX_CLIENT_SECRET",
    }
    binding = acme.post("/v1/admin/idp", json={**binding_of(domain["id"]), **known}).json()
    return {
        "/v1/domains": domain["id"],
        "/v1/projects": project["id"],
        "/v1/resources": resource["id"],
        "/v1/admin/idp": binding["id"],
    }


@pytest.fixture
def session(plane: Plane) -> Iterator[httpx.Client]:
    """A browser that is signed in as the seeded admin of acme-corp."""
    secret, csrf = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    plane.sql(
        "INSERT INTO plexsphere.token_sessions (id, user_id, secret_hash, expires_at)"
        " SELECT %s, u.id, sha256(%s::bytea), now() + interval '1 hour' FROM plexsphere.users u"
        " JOIN plexsphere.domains d ON d.id = u.domain_id"
        " WHERE d.slug = 'acme-corp' AND u.email = 'admin@example.com'",
        uuid.uuid4(),
        secret.encode(),
    )
    with plane.client(None) as client:
        client.headers["Cookie"] = f"plexsphere_session={secret}; plexsphere_csrf={csrf}"
        client.headers["X-Plexsphere-CSRF"] = csrf
        client.headers["Origin"] = plane.url
        yield client


@pytest.fixture
def browser(plane: Plane) -> Iterator[Browser]:
    with Browser(plane) as browser:
        yield browser


@pytest.fixture
def domain(acme: httpx.Client) -> dict[str, Any]:
    return new_domain(acme)


@pytest.fixture
def site(plane: Plane, acme: httpx.Client, nobody: httpx.Client) -> Site:
    return new_site(plane, acme, nobody)


@pytest.fixture
def known(site: Site) -> Objects:
    return something_of_everything(site)


@pytest.fixture(scope="module")
def untouched(plane: Plane) -> Iterator[Objects]:
    """The same, shared by tests that do not change it."""
    with plane.client() as admin, plane.client(None) as nobody:
        yield something_of_everything(new_site(plane, admin, nobody))


@pytest.fixture
def idp(plane: Plane) -> Iterator[RogueIdp]:
    with rogue_idp(plane.rogue_port) as idp:
        yield idp


@pytest.fixture
def tenant(plane: Plane, acme: httpx.Client, nobody: httpx.Client, idp: RogueIdp) -> Tenant:
    return bound_to(idp, plane, operator=acme, client=nobody)


@pytest.fixture
def binding(acme: httpx.Client, domain: str) -> dict[str, Any]:
    return new_binding(acme, domain)


@pytest.fixture
def project(acme: httpx.Client, domain: dict[str, Any]) -> dict[str, Any]:
    return new_project(acme, domain["id"])
