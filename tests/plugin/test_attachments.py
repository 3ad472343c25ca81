"""The page of a failing test, and its attachments in the reports of other plugins."""

from __future__ import annotations

import html
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.support.fake_stack import CONFTEST
from tests.support.never_costs import run

FAILS = """
import pytest

@pytest.fixture
def broken():
    yield
    raise ValueError("in tear-down")

def test_fails(broken):
    print("said ```so")
    raise ValueError("in call, with token psk_dev_aaaa_bbbb")

def test_passes():
    pass
"""


@pytest.fixture
def project(project: pytest.Pytester) -> pytest.Pytester:
    project.makeconftest(CONFTEST)
    project.makepyfile(test_fails=FAILS)
    return project


def folder_of(project: pytest.Pytester) -> Path:
    (folder,) = (project.path / ".plexdev").glob("[!.]*/")
    return folder


def test_the_page_has_the_failures_and_what_to_type_next(project: pytest.Pytester) -> None:
    run(project, "-k", "fails")

    page = (folder_of(project) / "index.md").read_text()
    assert page.startswith(
        "# `test_fails.py::test_fails`\n\nFailed in call and tear-down, on the embedded stack `fake`"
    )
    headings = [line for line in page.splitlines() if line.startswith("#")]
    assert headings == [
        "# `test_fails.py::test_fails`",
        "## Failure in call",
        "### Captured stdout call",
        "## Failure in tear-down",
        "### Captured stdout call",
        "## Readiness",
        "## Logs",
        "## Log files",
        "## What to type next",
    ]
    assert "E       ValueError: in call, with token psk_***" in page
    assert "````text\nsaid ```so\n\n````" in page
    assert "- [plexsphere.log](plexsphere.log)" in page
    assert (folder_of(project) / "plexsphere.log").read_text() == "a line of the log, token psk_***\n"
    assert "`plexdev up`, then `pytest --dev-stack test_fails.py::test_fails`" in page


def test_the_pages_commands_are_of_this_run(project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project.mkdir("below dir")
    monkeypatch.chdir(below)
    run(project, "--plexdev-keep=always", "-k", "fails", str(project.path))

    page = (folder_of(project) / "index.md").read_text()
    assert f"`pytest --pdb {project.path}/test_fails.py::test_fails`" in page
    assert "`plexdev logs --directory /" in page


def test_a_repeated_test_has_the_failures_of_its_last_attempt(project: pytest.Pytester) -> None:
    with (project.path / "conftest.py").open("a") as conftest:
        conftest.write(
            "\nfrom _pytest.runner import runtestprotocol\n\n"
            "def pytest_runtest_protocol(item, nextitem):\n"
            "    runtestprotocol(item, nextitem=nextitem, log=False)\n"
        )
    run(project, "-k", "fails")

    assert (folder_of(project) / "index.md").read_text().count("## Failure in call") == 1


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
@pytest.mark.parametrize("in_gitlab", [False, True])
def test_junit_xml_has_attachments(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: list[str], *, in_gitlab: bool
) -> None:
    if in_gitlab:
        monkeypatch.setenv("CI_PROJECT_DIR", str(project.path))
    run(project, "--junitxml=junit.xml", *workers)

    attached = [
        (case.attrib["name"], (element.text or "").split("\n"))
        for case in ET.parse(project.path / "junit.xml").iter("testcase")
        for element in case.iter("system-out")
    ]
    folder = folder_of(project)
    files = [folder / "index.md", folder / "plexsphere.log"]
    shown = [file.relative_to(project.path) if in_gitlab else file for file in files]
    assert attached == [("test_fails", [f"[[ATTACHMENT|{file}]]" for file in shown])]


@pytest.mark.parametrize("workers", [[], ["-n", "1"]])
def test_a_report_of_pytest_html_has_the_page(project: pytest.Pytester, workers: list[str]) -> None:
    pytest.importorskip("pytest_html")
    run(project, "--html=report.html", "--self-contained-html", *workers)

    report = (project.path / "report.html").read_text()
    tests = json.loads(html.unescape(report.partition('data-jsonblob="')[2].partition('"')[0]))["tests"]
    extras = {name: [each["name"] for row in rows for each in row["extras"]] for name, rows in tests.items()}
    assert extras["test_fails.py::test_fails"][0] == "plexdev evidence"
    assert extras["test_fails.py::test_passes"] == []
