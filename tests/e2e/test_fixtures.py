"""The fixtures that connect to services inside a cluster."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo


def test_events_database_and_kube(project: pytest.Pytester, warm_stack: StackInfo) -> None:
    project.makepyfile(
        test_fixtures="""
        def test_events(plexdev_events, plexdev_project):
            created = plexdev_events.wait_for("ProjectCreated")
            assert created.scope == plexdev_project.domain_id

        def test_db(plexdev_db, plexdev_tenant):
            row = plexdev_db.execute("SELECT slug FROM plexsphere.domains WHERE id = %s", (plexdev_tenant.domain_id,))
            assert row.fetchone() == (plexdev_tenant.slug,)

        def test_one_way_serves_all(plexdev_stack, plexdev_db):
            assert plexdev_stack.database_url == plexdev_stack.database_url
            assert "127.0.0.1" in plexdev_stack.database_url

        def test_the_runbooks_sql_gives_the_same_tenants(plexdev_stack, plexdev_tenants):
            from pytest_plexdev.testkit.tenancy import _read_from_postgres
            rows = _read_from_postgres(plexdev_stack)
            read = {one.slug: (one.domain_id, one.binding_id) for one in rows}
            for tenant in plexdev_tenants.values():
                assert read[tenant.slug] == (tenant.domain_id, tenant.binding_id)

        def test_node(plexdev_node):
            plexdev_node.heartbeat()
            assert plexdev_node.reachability() == "healthy"

        def test_kube(plexdev_kube):
            from kubernetes.client import AppsV1Api
            found = AppsV1Api(plexdev_kube).read_namespaced_deployment("plexsphere", "default")
            assert found.status.ready_replicas == 1

        def test_person(plexdev_make_person, plexdev_tenant):
            person = plexdev_make_person(roles=["member"])
            assert person.client.domains.get(plexdev_tenant.domain_id).slug == plexdev_tenant.slug

        def test_a_program_signs_in_to_dex(plexdev_oidc):
            tokens = plexdev_oidc("member@example.com", scope="openid profile email offline_access")
            assert tokens.claims["email"] == "member@example.com"
            assert tokens.refresh_token

        def test_a_browser_is_signed_in(plexdev_browser_state, plexdev_stack, base_url):
            import httpx
            assert base_url == plexdev_stack.api_url
            cookies = {each["name"]: each["value"] for each in plexdev_browser_state("beta-llc")["cookies"]}
            assert "Type the code" in httpx.get(f"{base_url}/v1/device", cookies=cookies).text
            assert httpx.get(f"{base_url}/v1/auth/whoami", cookies=cookies).json()["principal_type"] == "user"

        def test_logs(plexdev_stack):
            assert "signer-listening" in plexdev_stack.log("plexsphere-signer")
        """
    )
    project.runpytest_subprocess("--dev-stack", "--plexdev-stack=kind").assert_outcomes(passed=10)


def test_a_run_leaves_no_way_open(project: pytest.Pytester, warm_stack: StackInfo) -> None:
    project.makepyfile(
        test_fixtures="""
        from pathlib import Path
        from urllib.parse import urlsplit

        def test_db(plexdev_db, plexdev_stack):
            Path("port").write_text(str(urlsplit(plexdev_stack.database_url).port))
        """
    )
    project.runpytest_subprocess("--dev-stack", "-n", "2").assert_outcomes(passed=1)

    import socket

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int((project.path / "port").read_text())), timeout=2)
