"""Runs on a running stack (``--dev-stack``)."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.settings import WARM_ID
from tests.support.kubeconfigs import old_context


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_warm_stack_is_used_and_left(project: pytest.Pytester, stack: StackInfo, workers: list[str]) -> None:
    result = project.runpytest_subprocess("--dev-stack", "-v", "--pyargs", "pytest_plexdev.golden", *workers)

    result.assert_outcomes(passed=9)
    attached = "" if workers else ", attached in * ms"
    result.stdout.fnmatch_lines(
        [
            f"embedded stack warm at {stack.endpoints.api}{attached}",
            "  the stack is left running; stop it with: plexdev down --stack embedded",
        ]
    )
    result.stdout.no_fnmatch_line("  seconds: *")
    assert {
        verdict.state for verdict in EmbeddedProvider(EmbeddedSettings(id=WARM_ID), stack.directory).verdicts(stack)
    } == {"ready"}


@pytest.mark.parametrize(
    ("server", "reason"),
    [
        ("https://[::1", "its server is 'https://[[]::1': it is neither a URL nor host:port"),
        ("https://203.0.113.7:6443", "which is not on this machine"),
    ],
)
@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_an_unusable_context_is_passed_over_and_mentioned(
    project: pytest.Pytester,
    stack: StackInfo,
    monkeypatch: pytest.MonkeyPatch,
    workers: list[str],
    server: str,
    reason: str,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(old_context(project.path / "old", server)))
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--dev-stack", *workers)

    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines([f"  passed over: plexdev[[]*[]]: *{reason}*"])


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_junit_says_which_stack_the_tests_ran_on(
    project: pytest.Pytester, stack: StackInfo, workers: list[str]
) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    project.runpytest_subprocess("--dev-stack", "--junitxml=junit.xml", *workers).assert_outcomes(passed=2)

    junit = (project.path / "junit.xml").read_text()
    assert '<property name="plexdev.stack" value="embedded" />' in junit
    assert f'<property name="plexdev.api_url" value="{stack.endpoints.api}" />' in junit


def test_workers_share_one_login(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(
        test_login="""
        import pathlib, pytest, stat

        @pytest.mark.parametrize("number", range(6))
        def test_login(plexdev_tenants, pytestconfig, number):
            login = plexdev_tenants["acme-corp"].login
            assert login.token not in repr(login)
            pathlib.Path(f"token-{number}").write_text(login.token)
            from pytest_plexdev.session import run
            kept = list(run.get_run(pytestconfig).logins.glob("*.json"))
            assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o600]
        """
    )
    project.runpytest_subprocess("--dev-stack", "-n", "3").assert_outcomes(passed=7)

    assert len({path.read_text() for path in project.path.glob("token-*")}) == 1


def test_a_wrong_password_is_the_identity_providers_word(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(
        test_login="""
        def test_login(plexdev_tenants, plexdev_login):
            plexdev_login(plexdev_tenants["beta-llc"], user="admin@example.com", password="wrong")
        """
    )
    result = project.runpytest_subprocess("--dev-stack")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]sign-in-refused[]]: the identity provider rejected admin@example.com at *",
            "  why: its page shows: Invalid *",
        ]
    )


def test_events_database_and_kube(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(
        test_fixtures="""
        import pytest
        from pytest_plexdev import PlexdevError

        def test_events(plexdev_events, plexdev_project):
            created = plexdev_events.wait_for("ProjectCreated")
            assert created.scope == plexdev_project.domain_id
            assert created.id
            with pytest.raises(PlexdevError, match="no NeverHappened arrived within 0.1 s"):
                plexdev_events.wait_for("NeverHappened", timeout=0.1)

        def test_db(plexdev_db, plexdev_tenant):
            row = plexdev_db.execute("SELECT slug FROM plexsphere.domains WHERE id = %s", (plexdev_tenant.domain_id,))
            assert row.fetchone() == (plexdev_tenant.slug,)

        def test_the_runbooks_sql_gives_the_same_tenants(plexdev_stack, plexdev_tenants):
            from pytest_plexdev.testkit.tenancy import _read_from_postgres
            rows = _read_from_postgres(plexdev_stack)
            read = {one.slug: (one.domain_id, one.binding_id) for one in rows}
            for tenant in plexdev_tenants.values():
                assert read[tenant.slug] == (tenant.domain_id, tenant.binding_id)

        def test_an_unknown_seed(plexdev_tenants):
            with pytest.raises(PlexdevError, match="no seeded Domain delta.*\\\\n.*acme-corp, beta-llc, gamma-coop"):
                plexdev_tenants["delta"]

        def test_kube(plexdev_kube):
            pass
        """
    )
    project.runpytest_subprocess("--dev-stack", "-k", "fixtures").assert_outcomes(passed=4, skipped=1)


def test_the_golden_flow_names_a_missing_postgres_client(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makeconftest(
        """
        import sys

        sys.modules["psycopg"] = None
        """
    )
    result = project.runpytest_subprocess("--dev-stack", "--pyargs", "pytest_plexdev.golden")

    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["plexdev[[]extra-missing[]]: the package psycopg is not installed; *embedded*"])


def test_a_failing_step_skips_the_later_ones(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makeconftest(
        """
        import pytest
        from pytest_plexdev.golden import flow

        def pytest_configure(config):
            # Only the golden package registers it, and its tests are imported here.
            config.addinivalue_line("markers", "slow: waits in real time")

        def refuse(*_, **__):
            raise ValueError("no Project today\\nsecond line")

        @pytest.fixture(autouse=True)
        def _no_project(monkeypatch):
            monkeypatch.setattr(flow, "create_project", refuse)
        """
    )
    project.makepyfile(
        test_again="""
        from pytest_plexdev.golden.conftest import golden
        from pytest_plexdev.golden.test_golden_flow import *
        """
    )
    result = project.runpytest_subprocess("--dev-stack", "-rs", "-k", "again and not real_time")

    result.assert_outcomes(passed=5, failed=1, skipped=3)
    result.stdout.fnmatch_lines(["SKIPPED*golden.project failed before: ValueError: no Project today"])
