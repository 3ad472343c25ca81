"""Take screenshots of reports of real runs: ``make report-screenshots``.

A run that passes, one whose bring-up fails, and one with failures, each at three widths and, at the middle one, dark.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.support.chromium import CHROMIUM, Tab, open_tab
from tests.support.refused_seed import HOOK, REFUSED_SEED

WIDTHS: Final = (400, 1000, 2000)
DARK_WIDTH: Final = 1000
PASSING: Final = """
import pytest

def test_agent_becomes_healthy(plexdev_node):
    plexdev_node.heartbeat()
    assert plexdev_node.reachability() == "healthy"

def test_two_tenants_do_not_see_each_other(plexdev_tenant, plexdev_tenants):
    slugs = {domain.slug for domain in plexdev_tenants["beta-llc"].client.domains.list()}
    assert plexdev_tenant.domain.slug not in slugs

@pytest.mark.parametrize("slug", ["acme-corp", "beta-llc", "gamma-coop"])
def test_an_admin_signs_in(plexdev_login, slug):
    assert plexdev_login(slug).whoami().principal_type == "user"

@pytest.mark.plexdev_needs("kind")
def test_pods_are_ready(plexdev_stack):
    pass
"""
FAILING: Final = f"""{PASSING}
def test_agent_is_silent(plexdev_node):
    plexdev_node.heartbeat()
    assert plexdev_node.reachability() == "stale"

def test_a_project_needs_a_name(plexdev_client, plexdev_tenant):
    plexdev_client.projects.create(domain_id=plexdev_tenant.domain.id, name="", slug="")
"""
RUNS: Final = {
    "pass": {"test_agent.py": PASSING},
    "failed-bring-up": {"test_agent.py": PASSING, "seed.yaml": REFUSED_SEED, "conftest.py": HOOK},
    "failures": {"test_agent.py": FAILING},
}
"""The files of each run's project."""


def main(target: Path) -> None:
    """Write the screenshots to *target*."""
    if CHROMIUM is None:
        sys.exit("no Chromium is installed")
    target.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory, open_tab(Path(directory) / "profile", scripts=True) as tab:
        for name, files in RUNS.items():
            project = Path(directory) / "my-agent"
            _take(tab, _report_of(project, files), target, name)


def _report_of(project: Path, files: dict[str, str]) -> Path:
    project.mkdir(exist_ok=True)
    for name, content in files.items():
        (project / name).write_text(content, encoding="utf-8")
    (project / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    page = project / "report.html"
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", f"--plexdev-report={page.name}"]
    subprocess.run(command, cwd=project, check=False, stdout=subprocess.DEVNULL)
    for name in files:
        (project / name).unlink()
    return page


def _take(tab: Tab, page: Path, target: Path, name: str) -> None:
    for width, dark in (*((width, False) for width in WIDTHS), (DARK_WIDTH, True)):
        tab.look(width=width, dark=dark)
        tab.open(page.as_uri())
        file = target / f"{name}-{width}{'-dark' if dark else ''}.png"
        file.write_bytes(tab.screenshot())
        sys.stdout.write(f"{file}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
