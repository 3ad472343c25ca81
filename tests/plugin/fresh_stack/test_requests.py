"""The evidence has the requests of any client, because it reads them in the API's log."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest


def requests_in(folder: Path) -> list[str]:
    """The lines of the section in the test's page."""
    section = (folder / "index.md").read_text().partition("## Requests of other clients\n\n```text\n")[2]
    return section.partition("\n```\n")[0].splitlines()


def test_requests_of_any_client_are_evidence(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_clients="""
        import subprocess, sys, urllib.request

        import httpx
        import pytest

        @pytest.fixture(scope="module")
        def earlier(plexdev_stack):
            return httpx.get(f"{plexdev_stack.api_url}/v1/projects?cursor=not-for-the-log", trust_env=False)

        def test_of_before(earlier, plexdev_stack, plexdev_client):
            httpx.get(f"{plexdev_stack.api_url}/v1/groups", trust_env=False)

        def test_by_time(plexdev_stack, plexdev_client):
            code = f"import urllib.request as r; r.urlopen('{plexdev_stack.api_url}/v1/version')"
            subprocess.run([sys.executable, "-c", code], check=True)
            list(plexdev_client.domains.list())
            assert httpx.get(f"{plexdev_stack.api_url}/v1/domains", trust_env=False).status_code == 200

        def test_by_correlation_id(earlier):
            assert earlier.json() == {}
        """
    )
    result = project.runpytest_subprocess("-k", "clients", "--plexdev-output=kept")

    result.assert_outcomes(passed=1, failed=2)
    by_time = requests_in(project.path / "kept" / "test_clients.py-test_by_time")
    assert by_time[0] == "call:"
    assert [line.split(" ", 1)[1].rpartition(" in ")[0] for line in by_time[1::3]] == [
        "GET /v1/version -> 200",
        "GET /v1/domains -> 401 unauthenticated",
    ]
    by_id = requests_in(project.path / "kept" / "test_clients.py-test_by_correlation_id")
    assert by_id[0] == "set-up:"
    assert " GET /v1/projects -> 401 unauthenticated in " in by_id[1]
    assert by_id[3:] == [f"  by nobody who signed in, client python-httpx/{httpx.__version__}"]
    assert [line.partition(", client ")[2].partition("/")[0] for line in by_time[3::3]] == [
        "Python-urllib",
        "python-httpx",
    ]
    result.stdout.fnmatch_lines(["*- plexdev requests of other clients -*", "*:* GET /v1/version -> 200 in * ms"])
    files = [file.read_text() for file in (project.path / "kept").glob("*/[!.]*")]
    assert len(files) == 4  # the page and the API's log of each
    assert not any("not-for-the-log" in text.partition("## Requests of other clients")[2] for text in files)
    assert not any("## Logs" in text for text in files)


def test_phases_are_apart_and_the_terminals_width_is_used(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    project.makepyfile(
        test_phases="""
        import pytest

        UNKNOWN = "00000000-0000-4000-8000-00000000000"

        @pytest.fixture
        def prepared(plexdev_client):
            list(plexdev_client.domains.list())
            yield
            plexdev_client.domains.get(f"{UNKNOWN}1")

        def test_phases(prepared, plexdev_client):
            plexdev_client.domains.get(f"{UNKNOWN}2")
        """
    )
    result = project.runpytest_subprocess("-k", "phases", "-n", "1")

    result.assert_outcomes(failed=1, errors=1)
    set_up = "set-up: * exchanges"
    for phases, number in (([set_up, "call: 1 exchange", "tear-down:"], 1), ([set_up, "call:"], 2)):
        result.stdout.fnmatch_lines(
            [
                "*- plexdev HTTP exchanges -*",
                *phases,
                f"??:??:?? GET /v1/domains/*-00000000000{number} -> 403 permission_denied: read on this",
                "    domain is not granted to you (insufficient_relation) in * ms",
                "  correlation_id ????????-????-????-????-????????????",
                f"  curl http://localhost:*/v1/domains/*-00000000000{number} \\",
                "    -H 'Authorization: Bearer psk_[*][*][*]????'",
            ]
        )
