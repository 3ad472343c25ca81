"""The errors of `plexdev up --stack kind` on a machine that lacks or forbids something, with real programs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.usefixtures("cluster_tools")

AS_ANY_USER = ("setpriv", "--bounding-set", "-all", "--inh-caps", "-all")
"""Run as root without capabilities: only its own files are accessible."""
UP = """
import sys
from pathlib import Path
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.stack.kind.warm import up
from pytest_plexdev.stack.kind.settings import KindSettings
try:
    up.bring_up(KindSettings(name="plexdev-nowhere", state=Path(sys.argv[1]), api_port=int(sys.argv[2]), idp_port=0),
                  lambda event: None)
except PlexdevError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def up(
    state: Path, port: int = 0, *, before: Sequence[str] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*before, sys.executable, "-c", UP, str(state), str(port)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_docker_that_is_not_there(tmp_path: Path) -> None:
    result = up(tmp_path, DOCKER_HOST=f"unix://{tmp_path}/docker.sock")

    assert result.returncode == 1
    assert result.stdout.startswith(f"plexdev[docker-silent]: Docker does not answer at unix://{tmp_path}/docker.sock")
    assert "pytest --plexdev-stack=embedded" in result.stdout
    assert result.stderr == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a socket to somebody else")
def test_docker_that_is_forbidden(tmp_path: Path) -> None:
    with closing(socket.socket(socket.AF_UNIX)) as server:
        place = Path("/tmp") / f"plexdev-{os.getpid()}.sock"
        server.bind(str(place))
        server.listen()
        place.chmod(0o600)
        shutil.chown(place, "nobody")
        try:
            result = up(tmp_path / "state", before=AS_ANY_USER, DOCKER_HOST=f"unix://{place}")
        finally:
            place.unlink()

    assert result.stdout.startswith(
        f"plexdev[docker-forbidden]: this user has no permission to use Docker at unix://{place}"
    )
    assert "usermod -aG docker" in result.stdout


@pytest.mark.parametrize("missing", ["docker", "kind", "kubectl"])
def test_a_program_that_is_not_there(tmp_path: Path, missing: str) -> None:
    for name in {"docker", "kind", "kubectl"} - {missing}:
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(found)

    result = up(tmp_path / "state", PATH=str(tmp_path))

    assert result.stdout.startswith(f"plexdev[tool-missing]: {missing} is not on PATH")


def test_a_port_that_is_taken_is_told_before_anything_is_made(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        result = up(tmp_path, port)

    assert result.stdout.startswith(f"plexdev[port-taken]: port {port} for the API is taken by")
    assert f"(pid {os.getpid()})" in result.stdout
    assert "plexdev-nowhere" not in subprocess.run(["docker", "ps", "-a"], capture_output=True, text=True).stdout
