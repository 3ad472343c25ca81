"""The doctor's notes if no failure mode applies."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.doctor.notes import notes
from tests.support.recordings import lines
from tests.support.watch_server import Server

REMOTE = """
apiVersion: v1
kind: Config
clusters: [{name: far, cluster: {server: "https://203.0.113.7:6443"}}]
users: [{name: me, user: {token: t}}]
contexts: [{name: kind-plexsphere, context: {cluster: far, user: me}}]
"""


def test_an_unpullable_image_is_reported_with_a_command() -> None:
    with Server() as server:
        server.put(lines("registry-refuses"))
        (note,) = notes(server.api.access)

    assert note.is_problem
    assert note.text.startswith("deployment/")
    assert " is doomed: " in note.text
    assert "connection refused" in note.text
    assert "try: kubectl --kubeconfig fake" in note.text


def test_a_stack_that_is_ready_needs_no_remark() -> None:
    with Server() as server:
        server.put(lines("becomes-ready"))

        assert notes(server.api.access) == []


def test_a_context_on_another_machine_is_reported_as_unexamined(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "config").write_text(REMOTE)
    for name, value in (("KUBECONFIG", "config"), ("PLEXDEV_STATE_DIR", "state"), ("PATH", "bin"), ("HOME", "home")):
        monkeypatch.setenv(name, str(tmp_path / value))

    main(["doctor"])

    output = capsys.readouterr().out
    assert output.startswith("plexdev doctor: this machine\n")
    assert "its API server https://203.0.113.7:6443 is not on this machine" in output
    assert "try: plexdev doctor --context kind-plexsphere" in output
