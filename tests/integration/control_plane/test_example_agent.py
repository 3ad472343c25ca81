"""The example agent as a process, and how ``plexdev up plexd`` finds its Node."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.stack.kind.plexd.enrolment import ControlPlane, Enrolment
from tests.support.agent_image import FOLDER
from tests.support.control_plane import Plane
from tests.support.enrolment import Site


@dataclass(frozen=True)
class Machine:
    """Where the agent runs: its program and its data directory."""

    site: Site
    program: Path
    data: Path

    @contextmanager
    def agent(self, token: str, handle: str) -> Iterator[subprocess.Popen[str]]:
        variables = {
            "PLEXD_API": self.site.plane.url,
            "PLEXD_PROJECT_ID": self.site.project_id,
            "PLEXD_RESOURCE_HANDLE": handle,
            "PLEXD_BOOTSTRAP_TOKEN": token,
            "PLEXD_HEALTH_LISTEN": "127.0.0.1:0",
        }
        argv = [sys.executable, "-P", "-B", str(self.program), "up"]
        with subprocess.Popen(argv, env={**os.environ, **variables}, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield process
            finally:
                process.terminate()


@pytest.fixture
def machine(site: Site, tmp_path: Path) -> Machine:
    data, program = tmp_path / "data", tmp_path / "agent.py"
    data.mkdir()
    program.write_text((FOLDER / "agent.py").read_text().replace('Path("/var/lib/plexd")', f'Path("{data}")'))
    return Machine(site, program, data)


def until(process: subprocess.Popen[str], event: str) -> dict[str, Any]:
    """The line of the log with that message; the log must have one."""
    assert process.stdout is not None
    lines = (json.loads(line) for line in process.stdout)
    return next(line for line in lines if line["msg"] == event)


def test_it_registers_and_is_ready_once_it_was_heard(machine: Machine, site: Site) -> None:
    token, handle = site.issue(), site.resource()

    with machine.agent(token["token"], handle) as process:
        port = until(process, "answering probes")["port"]
        node = until(process, "heartbeat accepted")["node_id"]
        ready = httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False)

    assert ready.status_code == 200
    assert process.returncode == 0
    assert site.read_reachability(node)["state"] == "healthy"
    assert "consumed_at" in site.metadata(token["token_id"])
    assert {file.name: file.stat().st_mode & 0o777 for file in machine.data.iterdir()} == {
        "identity.json": 0o600,
        "node_secret_key": 0o600,
        "private_key": 0o600,
        "signing_public_key": 0o600,
    }


def test_with_its_files_it_is_the_same_node_else_none(machine: Machine, site: Site) -> None:
    token, handle = site.issue()["token"], site.resource()
    with machine.agent(token, handle) as process:
        node = until(process, "heartbeat accepted")["node_id"]

    with machine.agent(token, handle) as process:
        again = until(process, "heartbeat accepted")["node_id"]
    for file in machine.data.iterdir():
        file.unlink()
    with machine.agent(token, handle) as process:
        refusal = until(process, "stopped")["error"]
        process.wait(timeout=10)

    assert again == node
    assert refusal == "403 token_consumed"
    assert process.returncode == 1


def test_a_directory_that_it_cannot_write_costs_no_token(machine: Machine, site: Site) -> None:
    if os.getuid() == 0:
        machine.data.rmdir()  # root may write to any directory that is there
    else:
        machine.data.chmod(0o500)
    token = site.issue()

    with machine.agent(token["token"], site.resource()) as process:
        refusal = until(process, "stopped")["error"]

    assert refusal.startswith(f"{machine.data} is not writable")
    assert "consumed_at" not in site.metadata(token["token_id"])


def test_its_node_is_the_one_that_spent_the_token(plane: Plane, site: Site) -> None:
    bearer = site.admin.headers["Authorization"].removeprefix("Bearer ")
    client = Client(Transport(plane.url)).as_principal(bearer)
    operator = ControlPlane(client, site.domain_id)
    site.node()
    enrolment = operator.enrol()
    before = operator.registered(enrolment)
    answer = site.register(enrolment.token, enrolment.resource_handle, project_id=enrolment.project_id)
    site.node()

    assert before == enrolment
    assert operator.registered(enrolment).node_id == answer.json()["node_id"]
    assert operator.reachability(operator.registered(enrolment)) == "unreachable"
    assert operator.enrol().project_id == enrolment.project_id
    client.transport.close()


def test_what_another_database_issued_is_unknown(plane: Plane, site: Site) -> None:
    bearer = site.admin.headers["Authorization"].removeprefix("Bearer ")
    client = Client(Transport(plane.url)).as_principal(bearer)
    unknown = "01985a00-0000-7000-8000-00000000ffff"
    old = Enrolment(project_id=unknown, resource_handle="edge", token="psb", token_id=unknown, node_id=unknown)
    operator = ControlPlane(client, site.domain_id)

    assert operator.token(old) is None
    assert operator.reachability(old) is None
    assert operator.registered(old) == old
    client.transport.close()
