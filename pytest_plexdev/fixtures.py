"""The public fixtures, in dependency order. Nothing is imported and nothing is contacted before one is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from pytest_plexdev.session import run

if TYPE_CHECKING:
    import psycopg
    from kubernetes.client import ApiClient

    from pytest_plexdev.api import Client
    from pytest_plexdev.api.projects import Project
    from pytest_plexdev.testkit.events import Events
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.node_agent import NodeAgent
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants


@pytest.fixture(scope="session")
def plexdev_stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The running stack: addresses, clients, verdicts, logs. Who asks first brings it up, once per run."""
    from pytest_plexdev.session import first_failure

    this = run.of(pytestconfig)
    with first_failure.once(this.directory):
        stack = this.stack()
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def plexdev_login(pytestconfig: pytest.Config, plexdev_stack: Stack) -> Logins:
    """Log in by the device-code flow: `plexdev_login(tenant, user=...)`, or a slug; once per run, for all workers."""
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.stack import API, where_logged
    from pytest_plexdev.testkit.tenancy import Tenant, seeded_tenants

    def by_slug(slug: str) -> Tenant:
        return seeded_tenants(plexdev_stack, logins)[slug]

    log = where_logged(plexdev_stack.info, API)
    logins = Logins(plexdev_stack.anonymous, run.of(pytestconfig).logins, log=log, by_slug=by_slug)
    return logins


@pytest.fixture(scope="session")
def plexdev_tenants(pytestconfig: pytest.Config, plexdev_stack: Stack, plexdev_login: Logins) -> Tenants:
    """The seeded tenants by slug, three of them by default: `plexdev_tenants["acme-corp"].client`."""
    from pytest_plexdev.testkit.tenancy import seeded_tenants

    return seeded_tenants(plexdev_stack, plexdev_login, run_mark=run.of(pytestconfig).mark())


@pytest.fixture(scope="session")
def plexdev_client(plexdev_tenants: Tenants) -> Client:
    """The `/v1` API as the seed's first platform operator: by default the seeded admin of acme-corp."""
    return plexdev_tenants.operator.client


@pytest.fixture(scope="session")
def _plexdev_leftovers(pytestconfig: pytest.Config, plexdev_stack: Stack) -> Iterator[None]:
    """Remove what finished runs left on a running stack; a fresh one goes as a whole."""
    if not run.of(pytestconfig).settings.dev_stack:
        yield
        return
    from pytest_plexdev.testkit.leftovers import Removal

    removal = Removal(plexdev_stack)
    removal.start()
    yield
    removal.join(2.0)


@pytest.fixture
def plexdev_tenant(plexdev_tenants: Tenants, plexdev_login: Logins, _plexdev_leftovers: None) -> Iterator[FreshTenant]:
    """A fresh Domain with an IdP binding, of its own address range: what parallel tests do not share."""
    from pytest_plexdev.testkit.tenancy import create_tenant, remove_quietly

    tenant = create_tenant(plexdev_tenants, plexdev_login)
    yield tenant
    remove_quietly(tenant)


@pytest.fixture
def plexdev_project(plexdev_tenant: FreshTenant) -> Project:
    """A Project in the fresh tenant."""
    from pytest_plexdev.testkit.tenancy import create_project

    return create_project(plexdev_tenant.client, domain_id=plexdev_tenant.domain_id)


@pytest.fixture
def plexdev_node(plexdev_tenant: FreshTenant, plexdev_project: Project) -> NodeAgent:
    """A Node registered in the fresh tenant; it sends a heartbeat when it is told to."""
    from pytest_plexdev.testkit.tenancy import enrol_node

    return enrol_node(plexdev_tenant.client, plexdev_project)


@pytest.fixture
def plexdev_events(plexdev_stack: Stack) -> Iterator[Events]:
    """The NATS events since the test began."""
    from pytest_plexdev.core.extras import need

    need(plexdev_stack.info.provider, "nats")
    from pytest_plexdev.testkit.events import Events
    from pytest_plexdev.testkit.stack import API, where_logged

    events = Events(plexdev_stack.nats_url, log=where_logged(plexdev_stack.info, API))
    events.start()
    yield events
    events.stop()


@pytest.fixture
def plexdev_db(plexdev_stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection to the control plane's database; every statement commits by itself."""
    from pytest_plexdev.testkit.database import connect

    with connect(plexdev_stack) as connection:
        yield connection


@pytest.fixture(scope="session")
def plexdev_kube(plexdev_stack: Stack) -> Iterator[ApiClient]:
    """A Kubernetes client bound to this stack's context; skips where the stack has none."""
    cluster = plexdev_stack.info.cluster
    if cluster is None:
        pytest.skip(f"the {plexdev_stack.info.provider} stack has no Kubernetes: plain processes run it")
    from pytest_plexdev.kube.sdk import api_client

    with api_client(cluster) as client:
        yield client
