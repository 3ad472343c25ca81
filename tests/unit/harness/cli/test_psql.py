"""``plexdev psql`` on a stack whose database listens inside a cluster: its address is a port-forward's."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.cli.main import main
from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.core.private_files import make_private_directory
from pytest_plexdev.stack.providers import PROVIDERS
from tests.support.toy_provider import ToyProvider


@pytest.fixture
def inside_a_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A running stack whose database is reached through the provider, and a psql that prints its variables."""
    directory = tmp_path / "state" / "toy"
    make_private_directory(directory.parent)
    make_private_directory(directory)
    StackInfo(
        provider="toy",
        id="warm",
        directory=directory,
        endpoints=Endpoints(api="http://localhost:1", issuer="http://localhost:2"),
        started_at=1.0,
    ).write(directory / "stack.json")
    reached = "postgresql://someone:p%40ss@127.0.0.1:49152/plexsphere"
    monkeypatch.setattr(ToyProvider, "reach", lambda _self, _info, service: {"postgres": reached}[service])
    monkeypatch.setitem(PROVIDERS, "toy", "tests.support.toy_provider:ToyProvider")
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path / "state"))
    program = tmp_path / "psql"
    program.write_text('#!/bin/sh\necho "$PGUSER $PGPASSWORD $PGHOST $PGPORT $PGDATABASE: $*"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))


@pytest.mark.usefixtures("inside_a_cluster")
def test_psql_connects_through_the_port_forward(capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["psql", "--stack", "toy", "--", "-c", "SELECT 1"]) == 0

    assert capfd.readouterr().out == "someone p@ss 127.0.0.1 49152 plexsphere: -c SELECT 1\n"
