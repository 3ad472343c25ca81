"""No file has ``kubectl wait --for=condition=`` for a route.

It would always time out, because a route has its conditions per parent (``status.parents[].conditions``).
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROUTE = re.compile(r"\b(?:http|grpc|tls|tcp|udp)-?routes?\b", re.IGNORECASE)
WAIT = re.compile(r"\bkubectl\b.*?\bwait\b.*|[\"']kubectl[\"'].*?[\"']wait[\"'].*")
CONDITION = re.compile(r"--for(?:=|[\s\"',]+)condition=")
ON_PURPOSE = {
    # Tests with examples of such commands, including this file.
    "tests/unit/harness/doctor/checks/test_cluster_checks.py",
    "tests/unit/harness/doctor/test_examination.py",
    "tests/e2e/doctor/test_gateway.py",
    "tests/manifests/test_no_wait_on_routes.py",
}


def wrong_waits(text: str) -> Iterator[str]:
    """Commands that wait for a condition of a route: on one line, on continued lines, or as a list of arguments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    # A list may have one line per argument.
    joined = re.sub(r",\s*\n\s*", ", ", joined)
    for line in joined.splitlines():
        for found in WAIT.findall(line):
            if CONDITION.search(found) and ROUTE.search(found):
                yield found


def test_nobody_waits_for_a_condition_of_a_route() -> None:
    wrong = {str(path): list(wrong_waits((ROOT / path).read_text(errors="replace"))) for path in _files()}

    assert {path: found for path, found in wrong.items() if found} == {}


@pytest.mark.parametrize(
    "text",
    [
        "kubectl wait --for=condition=Accepted httproute/plexsphere --timeout=60s",
        "kubectl -n default wait --for condition=Ready httproutes --all",
        "kubectl --kubeconfig k wait \\\n  --for=condition=Programmed \\\n  httproute.gateway.networking.k8s.io/x",
        'run(["kubectl", "wait", "--for=condition=Accepted", "httproute/plexsphere"])',
        'run(\n  [\n    "kubectl",\n    "wait",\n    "--for=condition=Accepted",\n    "GRPCRoute/x",\n  ]\n)',
    ],
)
def test_the_gate_sees_it_however_it_is_written(text: str) -> None:
    assert list(wrong_waits(text))


@pytest.mark.parametrize(
    "text",
    [
        "kubectl wait --for=condition=Programmed gateway/plexsphere",
        "kubectl wait --for=jsonpath='{.status.parents[0].conditions[0].status}'=True httproute/plexsphere",
        "kubectl get httproute/plexsphere",
    ],
)
def test_the_gate_lets_right_ones_pass(text: str) -> None:
    assert list(wrong_waits(text)) == []


def _files() -> list[Path]:
    """All files in the repository, including those not committed yet."""
    argv = ["git", "-C", str(ROOT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.split("\0")
    files = [Path(name) for name in names if name and name not in ON_PURPOSE and (ROOT / name).is_file()]
    assert len(files) > 100
    return files
