"""Runs on a stack that is there already, and the commands that speak to it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.settings import WARM_ID


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="module")
def stack(state: Path) -> Iterator[StackInfo]:
    """A warm stack where `plexdev up` leaves one, on ports that the kernel chose."""
    provider = EmbeddedProvider(EmbeddedSettings(id=WARM_ID), state / WARM_ID)
    info = provider.up(lambda _: None).info
    yield info
    provider.down(info)


@pytest.fixture
def state_directory(state: Path) -> Path:
    return state


@pytest.fixture(autouse=True)
def _its_state(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Without `project`: pytester forgets what is imported during a test, and the commands run in this process.
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(state))
    monkeypatch.setenv("KUBECONFIG", str(state / "no-kubeconfig"))


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_the_warm_stack_is_used_and_left(project: pytest.Pytester, stack: StackInfo, workers: list[str]) -> None:
    result = project.runpytest_subprocess("--dev-stack", "--pyargs", "pytest_plexdev.golden", *workers)

    result.assert_outcomes(passed=9)
    attached = "" if workers else ", attached in * ms"
    result.stdout.fnmatch_lines(
        [
            f"embedded stack warm at {stack.endpoints.api}{attached}",
            "  the stack is left running; end it with: plexdev down --stack embedded",
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
def test_an_old_context_of_the_clusters_name_is_passed_over_and_mentioned(
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


def test_a_command_says_what_it_passes_over(
    stack: StackInfo,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(old_context(tmp_path / "old", "https://[::1")))

    for command in (["status"], ["env"], ["logs", "nats"], ["login", "--auto"]):
        code, _, err = run(capsys, *command)
        assert (code, err.count("plexdev: passed over: plexdev[kubeconfig-unusable]: ")) == (0, 1), command
    assert run(capsys, "wait", "--timeout", "5")[0] == 0
    assert run(capsys, "status", "--stack", "kind")[0] == 1
    for kept in (state / "credentials").glob("*.json"):
        kept.unlink()


def old_context(path: Path, server: str) -> Path:
    path.write_text(
        f"""
contexts: [{{name: kind-plexsphere, context: {{cluster: c, user: u}}}}]
clusters: [{{name: c, cluster: {{server: "{server}"}}}}]
users: [{{name: u, user: {{token: t}}}}]
"""
    )
    return path


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_junit_says_which_stack_the_tests_ran_on(
    project: pytest.Pytester, stack: StackInfo, workers: list[str]
) -> None:
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    project.runpytest_subprocess("--dev-stack", "--junitxml=junit.xml", *workers).assert_outcomes(passed=2)

    said = (project.path / "junit.xml").read_text()
    assert '<property name="plexdev.stack" value="embedded" />' in said
    assert f'<property name="plexdev.api_url" value="{stack.endpoints.api}" />' in said


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


def test_the_golden_flow_without_a_postgres_client_names_the_extra(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makeconftest(
        """
        import sys

        sys.modules["psycopg"] = None
        """
    )
    result = project.runpytest_subprocess("--dev-stack", "--pyargs", "pytest_plexdev.golden")

    result.assert_outcomes(passed=8, failed=1)
    result.stdout.fnmatch_lines(["plexdev[[]extra-missing[]]: the embedded stack needs the package psycopg, *"])


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
    result.stdout.fnmatch_lines(["SKIPPED*golden.project failed before: no Project today"])


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_commands_before_a_login(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "whoami")

    assert (code, out) == (3, "")
    assert f"plexdev[not-signed-in]: no user is signed in to acme-corp at {stack.endpoints.api}" in err


def test_login_whoami_and_lists(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "login", "--auto")
    assert (code, out) == (0, f"signed in to acme-corp at {stack.endpoints.api}\n")
    (kept,) = (state / "credentials").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600

    code, out, _ = run(capsys, "whoami")
    header, row = out.splitlines()
    assert header.split() == ["PRINCIPAL", "EMAIL", "SUBJECT", "DOMAIN", "ACR", "AMR"]
    acme = next(tenant for tenant in stack.tenants if tenant.slug == "acme-corp")
    assert re.fullmatch(rf"user\s+admin@example.com  \S{{36}}  {acme.domain_id}  -\s+-", row)

    for what in ("domain", "project", "identity", "audit", "group", "node"):
        code, out, err = run(capsys, "list", what, "--json")
        assert (code, err) == (0, "")
        assert isinstance(json.loads(out)["result"]["items"], list)
        assert "null" not in out.replace('"error": null', "")
    assert json.loads(run(capsys, "whoami", "--output", "json")[1])["result"]["email"] == "admin@example.com"
    code, out, _ = run(capsys, "list", "identity")
    assert out.splitlines()[0].split() == ["ID", "KIND", "DISPLAY_NAME", "LAST_SIGN_IN_AT"]
    assert len(out.splitlines()) >= 2


def test_a_domain_that_nobody_signed_in_to_is_not_answered_as_another(
    stack: StackInfo, capsys: pytest.CaptureFixture[str]
) -> None:
    run(capsys, "login", "--auto")
    code, out, err = run(capsys, "whoami", "--domain", "gamma-coop")

    assert (code, out) == (3, "")
    assert err.splitlines()[0].startswith("plexdev[not-signed-in]: no user is signed in to gamma-coop at ")
    assert err.splitlines()[-1] == "  fix: plexdev login --domain gamma-coop"


def test_a_dead_api_is_named_and_a_new_stack_knows_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path))
    first = EmbeddedProvider(EmbeddedSettings(id=WARM_ID), tmp_path / WARM_ID).up(lambda _: None).info
    run(capsys, "login", "--auto")
    os.kill(next(service.pid for service in first.services if service.name == "plexsphere" and service.pid), 9)
    code, _, err = run(capsys, "whoami")

    assert code == 1
    assert err.startswith("plexdev[server-gone]: plexsphere of the running stack ended with SIGKILL\n")
    assert err.splitlines()[-1].endswith(
        "plexsphere.log; then: plexdev down --stack embedded && plexdev up --port 0 --idp-port 0"
    )

    port = urlsplit(first.endpoints.api).port
    assert port is not None
    again = EmbeddedProvider(EmbeddedSettings(id=WARM_ID, api_port=port), tmp_path / WARM_ID)
    second = again.up(lambda _: None).info
    code, _, err = run(capsys, "whoami")
    again.down(second)

    assert second.endpoints.api == first.endpoints.api
    assert (code, err.splitlines()[0].split(":")[0]) == (3, "plexdev[not-signed-in]")


def test_another_domain_is_refused_with_plexctls_codes(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    assert run(capsys, "list", "identity", "--domain", "beta-llc")[0] == 0

    code, _, err = run(capsys, "list", "audit", "--domain", "gamma-coop")
    assert code == 77
    assert err.startswith("plexdev[permission_denied]: GET /v1/domains/")

    code, _, err = run(capsys, "list", "group", "--domain", "nowhere")
    assert code == 4
    assert "plexdev[domain-unknown]: you may see no Domain nowhere" in err
    assert "why: you may see acme-corp, beta-llc, gamma-coop" in err


def test_a_slip_in_a_domains_name_is_answered_with_the_nearest(
    stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Signed in to another one, to none, and for programs.
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    for _ in range(2):
        code, _, err = run(capsys, "login", "--domain", "acme", "--auto")
        assert code == 4
        assert "why: you may see acme-corp, beta-llc, gamma-coop" in err
        assert err.endswith("(did you mean acme-corp?)\n  fix: plexdev login --domain acme-corp\n")
        code, _, err = run(capsys, "whoami", "--domain", "acme")
        assert (code, err.splitlines()[-1]) == (4, "  fix: plexdev login --domain acme-corp")
        for kept in (state / "credentials").glob("*.json"):
            kept.unlink()
    code, out, err = run(capsys, "login", "--domain", "nosuch", "--json")
    assert (code, err) == (4, "")
    assert json.loads(out)["error"]["tag"] == "domain-unknown"


def test_a_refusal_of_the_api_is_an_object_too(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    code, out, err = run(capsys, "list", "audit", "--domain", "gamma-coop", "--json")

    said = json.loads(out)
    assert (code, err, said["exit_code"], said["ok"]) == (77, "", 77, False)
    assert said["error"]["tag"] == "permission_denied"


def test_a_revoked_credential_is_code_3(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    (kept,) = (state / "credentials").glob("*.json")
    kept.write_text(re.sub(r'"token":"[^"]*"', '"token":"psk_dev_aaaa_bbbb"', kept.read_text()))

    code, _, err = run(capsys, "whoami")
    assert code == 3
    assert err.startswith("plexdev[unauthenticated]: GET /v1/auth/whoami -> 401")
