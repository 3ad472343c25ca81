"""The public fixtures, in dependency order.

They import lazily and contact nothing until a test requests one. ``pytest --fixtures`` lists them; ``-v`` adds the
examples, which a test of this project runs.
"""

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
    from pytest_plexdev.testkit.factories import TenantFactory
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.node_agent import NodeAgent
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import FreshTenant, Tenants


@pytest.fixture(scope="session")
def plexdev_stack(pytestconfig: pytest.Config) -> Iterator[Stack]:
    """The running stack: its addresses, clients, verdicts and logs (``Stack``).

    The first test that requests it starts the stack, once per run. With ``--dev-stack`` it is the stack that runs
    already.

    Example::

        def test_every_service_is_ready(plexdev_stack):
            assert {verdict.state for verdict in plexdev_stack.verdicts()} == {"ready"}
    """
    from pytest_plexdev.session import acquire, first_failure

    this = run.get_run(pytestconfig)
    with first_failure.report_once(this):
        stack = acquire.stack_of(this)
    yield stack
    stack.close()


@pytest.fixture(scope="session")
def plexdev_login(pytestconfig: pytest.Config, plexdev_stack: Stack) -> Logins:
    """Log in by the device-code flow, as ``plexdev_login(tenant, user=...)``, or with a slug (``Logins``).

    The default user is the tenant's admin. A user signs in to a tenant once per run, for all xdist workers.

    Example::

        def test_admin_of_acme_is_a_user(plexdev_login):
            login = plexdev_login("acme-corp")
            assert login.whoami().principal_type == "user"
    """
    from pytest_plexdev.testkit.login import Logins
    from pytest_plexdev.testkit.stack import API, log_location
    from pytest_plexdev.testkit.tenancy import Tenant, seeded_tenants

    def by_slug(slug: str) -> Tenant:
        return seeded_tenants(plexdev_stack, logins)[slug]

    log = log_location(plexdev_stack.info, API)
    logins = Logins(plexdev_stack.anonymous, run.get_run(pytestconfig).logins, log=log, by_slug=by_slug)
    return logins


@pytest.fixture(scope="session")
def plexdev_tenants(pytestconfig: pytest.Config, plexdev_stack: Stack, plexdev_login: Logins) -> Tenants:
    """The seeded tenants by slug: by default ``acme-corp``, ``beta-llc`` and ``gamma-coop`` (``Tenants``).

    Tests share them, so read from them and write to a :func:`plexdev_tenant`.

    Example::

        def test_beta_sees_itself(plexdev_tenants):
            beta = plexdev_tenants["beta-llc"]
            assert beta.slug in {domain.slug for domain in beta.client.domains.list()}
    """
    from pytest_plexdev.testkit.leftovers import mark_of_run
    from pytest_plexdev.testkit.tenancy import seeded_tenants

    mark = mark_of_run(run.get_run(pytestconfig).controller_pid)
    return seeded_tenants(plexdev_stack, plexdev_login, run_mark=mark)


@pytest.fixture(scope="session")
def plexdev_client(plexdev_tenants: Tenants) -> Client:
    """The ``/v1`` API as the seed's first platform operator: by default the admin of ``acme-corp`` (``Client``).

    Example::

        def test_api_knows_its_version(plexdev_client):
            assert plexdev_client.meta.version().version
    """
    return plexdev_tenants.operator.client


@pytest.fixture(scope="session")
def _plexdev_leftovers(pytestconfig: pytest.Config, plexdev_stack: Stack) -> Iterator[None]:
    """Remove what finished runs left on a running stack. A fresh stack is removed as a whole."""
    if not run.get_run(pytestconfig).settings.dev_stack:
        yield
        return
    from pytest_plexdev.testkit.leftovers import Removal

    removal = Removal(plexdev_stack)
    removal.start()
    yield
    removal.join(2.0)


@pytest.fixture
def plexdev_tenant(plexdev_tenant_factory: TenantFactory) -> Iterator[FreshTenant]:
    """A fresh Domain with an IdP binding and an address range of its own, which no other test uses (``FreshTenant``).

    Example::

        def test_a_new_tenant_has_no_projects(plexdev_tenant):
            projects = plexdev_tenant.client.projects.list(domain_id=plexdev_tenant.domain_id)
            assert list(projects) == []
    """
    with plexdev_tenant_factory() as tenant:
        yield tenant


@pytest.fixture
def plexdev_project(plexdev_tenant: FreshTenant) -> Project:
    """A Project in the test's :func:`plexdev_tenant` (``Project``).

    Example::

        def test_a_token_is_issued(plexdev_tenant, plexdev_project):
            issued = plexdev_tenant.client.bootstrap_tokens.issue(plexdev_project.id)
            assert issued.token.startswith("psb_")
    """
    from pytest_plexdev.testkit.factories import create_project

    return create_project(plexdev_tenant.client, domain_id=plexdev_tenant.domain_id)


@pytest.fixture
def plexdev_node(plexdev_stack: Stack, plexdev_tenant: FreshTenant, plexdev_project: Project) -> NodeAgent:
    """A Node registered in the test's :func:`plexdev_project` (``NodeAgent``). It sends no heartbeat by itself.

    Example::

        def test_a_heartbeat_makes_a_node_healthy(plexdev_node):
            plexdev_node.heartbeat()
            assert plexdev_node.reachability() == "healthy"
    """
    from pytest_plexdev.testkit.factories import enrol_node

    return enrol_node(plexdev_tenant.client, plexdev_project, stack=plexdev_stack)


@pytest.fixture
def plexdev_events(plexdev_stack: Stack) -> Iterator[Events]:
    """The control plane's events on NATS since the fixture was set up (``Events``).

    Name it before the fixtures whose events you wait for: pytest sets fixtures up in the order of the test's arguments,
    and what was published earlier is not received.

    Example::

        def test_a_project_is_announced(plexdev_events, plexdev_project):
            event = plexdev_events.wait_for("ProjectCreated")
            assert event.payload["slug"] == plexdev_project.slug
    """
    from pytest_plexdev.core.extras import need

    need(plexdev_stack.info.provider, "nats")
    from pytest_plexdev.testkit.events import Events
    from pytest_plexdev.testkit.stack import API, log_location

    events = Events(plexdev_stack.nats_url, log=log_location(plexdev_stack.info, API))
    events.start()
    yield events
    events.stop()


@pytest.fixture
def plexdev_db(plexdev_stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection to the control plane's database, in autocommit mode.

    Example::

        def test_the_row_of_a_project(plexdev_db, plexdev_project):
            query = "SELECT slug FROM plexsphere.projects WHERE id = %s"
            assert plexdev_db.execute(query, [plexdev_project.id]).fetchone() == (plexdev_project.slug,)
    """
    from pytest_plexdev.testkit.database import connect

    with connect(plexdev_stack) as connection:
        yield connection


@pytest.fixture
def plexdev_db_transaction(plexdev_stack: Stack) -> Iterator[psycopg.Connection[Any]]:
    """A psycopg connection in a transaction that is rolled back after the test.

    The API sees nothing of it, and a request of the API that changes the same rows waits for its end.

    Example::

        def test_a_name_is_free_text(plexdev_db_transaction, plexdev_project):
            query = "UPDATE plexsphere.projects SET name = 'Renamed' WHERE id = %s RETURNING name"
            renamed = plexdev_db_transaction.execute(query, [plexdev_project.id]).fetchone()
            assert renamed == ("Renamed",)
    """
    from pytest_plexdev.testkit.database import connect

    with connect(plexdev_stack) as connection, connection.transaction(force_rollback=True):
        yield connection


@pytest.fixture(scope="session")
def plexdev_kube(plexdev_stack: Stack) -> Iterator[ApiClient]:
    """A client of the official ``kubernetes`` package, bound to the stack's context.

    The test is skipped if the stack does not run on a cluster.

    Example::

        from kubernetes.client import AppsV1Api


        def test_the_api_has_one_replica(plexdev_kube):
            deployment = AppsV1Api(plexdev_kube).read_namespaced_deployment("plexsphere", "default")
            assert deployment.spec.replicas == 1
    """
    cluster = plexdev_stack.cluster
    if cluster is None:
        pytest.skip(f"the {plexdev_stack.info.provider} stack has no Kubernetes: plain processes run it")
    from pytest_plexdev.kube.sdk import api_client

    with api_client(cluster) as client:
        yield client
