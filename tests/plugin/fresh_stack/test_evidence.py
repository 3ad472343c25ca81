"""The evidence of a failing test, and the error for a server that ended during it."""

from __future__ import annotations

import pytest


def test_a_dead_server_is_reported_once_and_later_tests_skip(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_death="""
        import os, signal

        def test_before(plexdev_client):
            list(plexdev_client.domains.list())

        def test_kill(plexdev_stack, plexdev_client):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "plexsphere")
            os.kill(pid, signal.SIGKILL)
            list(plexdev_client.domains.list())

        def test_after(plexdev_client):
            pass

        def test_that_needs_no_stack():
            pass
        """
    )
    result = project.runpytest_subprocess("-p", "no:cacheprovider", "-rsf")

    result.assert_outcomes(passed=3, failed=1, skipped=1)
    result.stdout.fnmatch_lines(
        [
            "plexdev[[]server-died[]]: plexsphere ended with *KILL* during the run",
            "  why: something outside the stack killed it, or the kernel did*; the stack is incomplete, so *",
            "  fix: read *plexsphere.log; then run again: the next run brings up a stack of its own",
            "  at: *test_death.py:9",
            "SKIPPED*the stack is incomplete: plexdev[[]server-died[]]: plexsphere ended*",
            "FAILED test_death.py::test_kill - plexdev[[]server-died[]]*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_a_server_that_dies_between_tests_is_an_error_too(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_death="""
        import os, signal, time

        def test_kill(plexdev_stack):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "nats")
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.1)

        def test_next(plexdev_stack):
            pass

        def test_last(plexdev_stack):
            pass
        """
    )
    result = project.runpytest_subprocess("-k", "death")

    result.assert_outcomes(passed=1, errors=1, skipped=1)
    result.stdout.fnmatch_lines(["plexdev[[]server-died[]]: nats ended with *KILL* during the run"])


def test_a_failing_test_leaves_evidence_without_secrets(project: pytest.Pytester) -> None:
    project.makeconftest(
        "def pytest_plexdev_diagnostics(stack, item):\n    return [('mine', f'asked for {item.name}')]\n"
    )
    project.makepyfile(
        test_evidence="""
        def test_fails(plexdev_project, plexdev_tenant):
            token = plexdev_tenant.client.bootstrap_tokens.issue(plexdev_project.id)
            assert token.token == ""
        """
    )
    result = project.runpytest_subprocess("-n", "1")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(
        [
            "*- plexdev HTTP exchanges -*",
            "set-up: * exchanges",
            "call:",
            "* POST /v1/projects/*/bootstrap-tokens",
            "    -> 201 in * ms",
            "    -H 'Authorization: Bearer psk_[*][*][*]????' *",
            "*- plexdev diagnostics -*",
            "asked for test_fails",
            "  evidence: .plexdev/test_evidence.py-test_fails",
        ]
    )
    (kept,) = (project.path / ".plexdev").glob("[!.]*/")
    result.stdout.no_fnmatch_line("*- plexdev readiness -*")
    assert kept.name == "test_evidence.py-test_fails"
    page, log = (kept / "index.md").read_text(), (kept / "plexsphere.log").read_text()
    assert "\nall ready: " in page
    assert '"token":"psb_***' in page
    assert "psk_" not in page.replace("psk_***", "")
    assert "psb_" not in page.replace("psb_***", "")
    assert 'route="/v1/projects/{project_id}/bootstrap-tokens" status=201' in log


def test_evidence_is_what_happened_in_the_test_and_short(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_evidence="""
        def test_quiet(plexdev_stack):
            assert plexdev_stack is None

        def test_refused(plexdev_client):
            plexdev_client.domains.get("00000000-0000-4000-8000-000000000000")
        """
    )
    result = project.runpytest_subprocess("-k", "evidence")

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "E * GET /v1/domains/* -> 403 permission_denied: read on this domain is *(insufficient_relation)",
            "  evidence: .plexdev/test_evidence.py-test_quiet",
            "  evidence: .plexdev/test_evidence.py-test_refused",
        ]
    )
    result.stdout.no_fnmatch_line("*pytest_plexdev/api/*")
    for title in ("readiness", "logs", "diagnostics"):
        result.stdout.no_fnmatch_line(f"*- plexdev {title} -*")
    assert result.stdout.str().count("- plexdev HTTP exchanges -") == 1
    result.stdout.no_fnmatch_line("*database system is ready*")
    assert len(result.stdout.lines) < 100


def test_a_service_that_is_gone_tells_its_whole_story(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_gone="""
        import os, signal, time

        def test_gone(plexdev_stack):
            pid = next(service.pid for service in plexdev_stack.info.services if service.name == "nats")
            os.kill(pid, signal.SIGKILL)
            time.sleep(0.2)
            assert False
        """
    )
    result = project.runpytest_subprocess("-k", "gone")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["nats *gone *ended with *KILL*", "? more are ready"])
    folder = project.path / ".plexdev" / "test_gone.py-test_gone"
    assert "Server is ready" in (folder / "nats.log").read_text()
    assert "Server is ready" in (folder / "index.md").read_text()


def test_an_unwritable_report_does_not_fail_a_run(project: pytest.Pytester) -> None:
    (project.path / "file").write_text("")
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")
    result = project.runpytest_subprocess("--plexdev-report=file/report.html")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["plexdev: embedded stack in * s; *", "  report: not written to file/report.html: *"])
    assert "Traceback" not in result.stdout.str() + result.stderr.str()
