"""Tests under other libraries: frozen time, one process per test, another working directory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

FROZEN = """
import datetime

import freezegun
import pytest


@pytest.mark.parametrize("moment", ["2012-01-14 03:21:34", "2044-02-29"])
def test_frozen(plexdev_tenants, plexdev_tenant, plexdev_node, plexdev_stack, plexdev_login, moment):
    with freezegun.freeze_time(moment):
        frozen = datetime.datetime.now()
        domain = plexdev_tenant.client.domains.get(plexdev_tenant.domain_id)
        assert frozen == datetime.datetime.fromisoformat(moment)
        plexdev_node.heartbeat()
        assert plexdev_node.reachability() == "healthy"
        assert plexdev_login(plexdev_tenant, user="member@example.com").whoami()
        assert {verdict.state for verdict in plexdev_stack.verdicts()} == {"ready"}
        token = plexdev_tenant.client.bootstrap_tokens.list(plexdev_node.project.id)
        assert {each.state for each in token} == {"consumed"}
    assert abs(domain.created_at - datetime.datetime.now(datetime.UTC)) < datetime.timedelta(minutes=10)


def test_its_evidence_has_the_requests(plexdev_client):
    with freezegun.freeze_time("2012-01-14"):
        next(plexdev_client.domains.list())
        assert False


@freezegun.freeze_time("2012-01-14")
def test_events(plexdev_events, plexdev_tenants):
    from pytest_plexdev.testkit.factories import create_domain

    domain = create_domain(plexdev_tenants.operator.client)
    plexdev_events.wait_for("DomainCreated", where=lambda event: event.payload["id"] == domain.id)
"""

FORKS = """
# What pytest-forked does, which is itself broken with pytest 9.2 (a report holds what it cannot marshal).
import os

import pytest
from _pytest.runner import runtestprotocol


def pytest_runtest_protocol(item, nextitem):
    child = os.fork()
    if child == 0:
        os._exit(int(any(report.failed for report in runtestprotocol(item, log=False))))
    outcome = "failed" if os.waitpid(child, 0)[1] else "passed"
    item.ihook.pytest_runtest_logreport(report=pytest.TestReport(item.nodeid, item.location, {}, outcome, None, "call"))
    return True
"""

FORKED = """
import os

import pytest


@pytest.mark.parametrize("number", range(3))
def test_forked(plexdev_stack, plexdev_client, number):
    assert plexdev_stack.can("age-heartbeat")
    assert next(plexdev_client.domains.list()).slug


def test_failed(plexdev_client):
    assert False
"""

ELSEWHERE = """
import os

import pytest


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory):
    os.chdir(tmp_path_factory.mktemp("elsewhere"))


def test_failed(plexdev_client, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert False


def test_in_a_directory_that_is_gone(plexdev_client, monkeypatch, tmp_path):
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    assert next(plexdev_client.domains.list()).slug
"""


@pytest.fixture(autouse=True)
def _nothing_is_left(temporary: Path) -> Iterator[None]:
    yield
    assert [path.name for path in temporary.iterdir() if path.name.startswith("plexdev")] == []


def test_time_that_stands_still(project: pytest.Pytester) -> None:
    project.makepyfile(test_frozen=FROZEN)
    result = project.runpytest_subprocess("-p", "no:cacheprovider")

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["*plexdev HTTP exchanges*", "*GET /v1/domains*"])


def test_a_process_for_each_test(project: pytest.Pytester) -> None:
    project.makepyfile(test_forked=FORKED)
    project.makeconftest(FORKS)
    result = project.runpytest_subprocess()

    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(["embedded stack * at http://localhost:*"])


def test_another_working_directory(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLEXDEV_CACHE_DIR", "cache")
    project.makepyfile(test_elsewhere=ELSEWHERE)
    result = project.runpytest_subprocess("--plexdev-report=report.html")

    result.assert_outcomes(passed=2, failed=1)
    assert (project.path / "report.html").is_file()
    assert (project.path / "cache" / "postgres").is_dir()
    assert [path.name for path in (project.path / ".plexdev").iterdir() if "test_failed" in path.name]
