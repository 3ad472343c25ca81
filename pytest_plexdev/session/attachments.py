"""Attach a failing test's evidence to reports of other plugins: pytest's JUnit XML, and pytest-html."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final
from xml.etree import ElementTree as ET  # nosec B405 # it builds an element and parses nothing

import pytest

from pytest_plexdev.session.guard import observing

_FILES: Final = "plexdev_evidence_files"
"""The attribute of a report with the paths of the files. pytest-xdist passes it to the controller."""


class JUnitAttachments:
    """Adds the files to the test's case in JUnit XML, in the notation of Jenkins and GitLab.

    It is a plugin of its own because the hook does not get the configuration.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._attached: set[str] = set()

    @pytest.hookimpl(tryfirst=True)  # pytest's own completes the case with the report of the tear-down
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        files: Sequence[str] = vars(report).get(_FILES, ())
        if not files or report.nodeid in self._attached:
            return  # a test that fails in its call and its tear-down has one folder
        self._attached.add(report.nodeid)
        with observing(self._config, f"the attachments of {report.nodeid} in JUnit's file"):
            for plugin in self._config.pluginmanager.get_plugins():
                if type(plugin).__module__ == "_pytest.junitxml":
                    plugin.node_reporter(report).append(_attachments(files))


def register(config: pytest.Config) -> None:
    """Attach evidence to the JUnit XML of this process, if it writes one."""
    if getattr(config.option, "xmlpath", None) and not hasattr(config, "workerinput"):
        config.pluginmanager.register(JUnitAttachments(config), "plexdev-junit-attachments")


def add(report: pytest.TestReport, config: pytest.Config, *, folder: Path, names: Sequence[str], page: str) -> None:
    """Attach the evidence of *report*.

    Args:
        folder: The test's folder.
        names: The files in it.
        page: The content of the page.
    """
    vars(report)[_FILES] = [str(folder / name) for name in names]
    html: Any = config.pluginmanager.get_plugin("html")
    if html is not None and getattr(config.option, "htmlpath", None):
        extras = vars(report).setdefault("extras", [])
        extras.append(html.extras.text(page, name="plexdev evidence"))


def _attachments(files: Sequence[str]) -> ET.Element:
    # Jenkins reads absolute paths, GitLab paths relative to the directory of the project.
    project = os.environ.get("CI_PROJECT_DIR")
    element = ET.Element("system-out")
    element.text = "\n".join(f"[[ATTACHMENT|{_relative(Path(file), project)}]]" for file in files)
    return element


def _relative(file: Path, project: str | None) -> Path:
    return file.relative_to(project) if project and file.is_relative_to(project) else file
