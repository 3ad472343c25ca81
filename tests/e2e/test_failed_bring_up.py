"""A run whose own cluster does not become ready: ``--plexdev-keep`` keeps it for inspection."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.stack.kind.settings import fresh_name
from tests.support.kind_stacks import clusters

pytestmark = pytest.mark.usefixtures("cluster_tools")

TOO_LARGE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: greedy}
spec:
  selector: {matchLabels: {app: greedy}}
  template:
    metadata: {labels: {app: greedy}}
    spec:
      containers: [{name: main, image: busybox:1.35, resources: {requests: {cpu: "512"}}}]
"""


def test_what_its_error_says_to_type_works(project: pytest.Pytester, tmp_path: Path, temporary: Path) -> None:
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text("resources: [greedy.yaml]\n")
    (overlay / "greedy.yaml").write_text(TOO_LARGE)
    project.makepyfile(test_stack="def test_stack(plexdev_stack):\n    pass\n")

    result = project.runpytest_subprocess(
        "--plexdev-stack=kind", f"--plexdev-overlay={overlay}", "--plexdev-keep=on-failure"
    )

    output = result.stdout.str()
    (run,) = temporary.glob("plexdev-*")
    kept = fresh_name(run)
    try:
        assert kept in clusters()
        result.assert_outcomes(errors=1)
        look, status, end = (
            re.findall(rf"{words}.*", output)[0]
            for words in ("kubectl --kubeconfig", "plexdev status --directory", "plexdev down --directory")
        )
        assert "greedy" in typed(look)
        assert "deployment/greedy" in typed(status)
        assert "the stack is down" in typed(end)
        assert kept not in clusters()
        assert not run.exists()
    finally:
        subprocess.run(["kind", "delete", "cluster", "--name", kept], capture_output=True, check=True)


def typed(command: str) -> str:
    """Run a printed command. Returns its output."""
    program, *words = shlex.split(command)
    argv = [sys.executable, "-m", "pytest_plexdev.cli.main", *words] if program == "plexdev" else [program, *words]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
