"""What is missing or forbidden on a machine, as `plexdev up --stack kind` says it: real programs, real answers."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("cluster_tools")

UP = """
import sys
from pathlib import Path
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.warm import attach as warm
from pytest_plexdev.stack.kind.settings import KindSettings
try:
    warm.bring_up(KindSettings(name="plexdev-nowhere", state=Path(sys.argv[1]), api_port=int(sys.argv[2]), idp_port=0),
                  lambda event: None)
except PlexdevError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def up(state: Path, port: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", UP, str(state), str(port)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_docker_that_is_not_there(tmp_path: Path) -> None:
    said = up(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/docker.sock")

    assert said.returncode == 1
    assert said.stdout.startswith(f"plexdev[docker-silent]: Docker does not answer at unix://{tmp_path}/docker.sock")
    assert "pytest --plexdev-stack=embedded" in said.stdout
    assert said.stderr == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody who may not")
def test_docker_that_is_forbidden(tmp_path: Path) -> None:
    """Asked as nobody: the real client's own words, on which the check relies."""
    docker = shutil.which("docker")
    assert docker is not None
    with closing(socket.socket(socket.AF_UNIX)) as server:
        place = Path("/tmp") / f"plexdev-{os.getpid()}.sock"
        server.bind(str(place))
        server.listen()
        place.chmod(0o600)
        try:
            answer = subprocess.run(
                [docker, "version"],
                env={**os.environ, "DOCKER_HOST": f"unix://{place}", "HOME": "/tmp"},
                user="nobody",
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            place.unlink()

    fake = tmp_path / "docker"
    fake.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{answer.stderr}\nEND\nexit 1\n")
    fake.chmod(0o755)
    said = up(tmp_path / "state", PATH=f"{tmp_path}:{os.environ['PATH']}")

    assert said.stdout.startswith(
        f"plexdev[docker-forbidden]: this user has no permission to use Docker at unix://{place}"
    )
    assert "usermod -aG docker" in said.stdout


@pytest.mark.parametrize("missing", ["docker", "kind", "kubectl"])
def test_a_program_that_is_not_there(tmp_path: Path, missing: str) -> None:
    for name in {"docker", "kind", "kubectl"} - {missing}:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)

    said = up(tmp_path / "state", PATH=str(tmp_path))

    assert said.stdout.startswith(f"plexdev[tool-missing]: {missing} is not on PATH")


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        said = up(tmp_path, port)

    assert said.stdout.startswith(f"plexdev[port-taken]: port {port} for the API is taken by")
    assert f"(pid {os.getpid()})" in said.stdout
    assert "plexdev-nowhere" not in subprocess.run(["docker", "ps", "-a"], capture_output=True, text=True).stdout
