"""Commands on a machine without an extra. The extra's modules are hidden from real commands."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pytest_plexdev.core import extras
from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.core.ownership.lock import own
from pytest_plexdev.core.ownership.mark import Mark
from pytest_plexdev.core.private_files import make_private_directory

HIDES = """
import sys

class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Hidden())
"""
MISSING = "plexdev[extra-missing]: the package {package} is not installed; the extra {extra} includes it"
FIX = "fix: add the extra {extra} to this installation of pytest-plexdev: {command}"


def fix(extra: str) -> str:
    return FIX.format(extra=extra, command=extras.install_command(extra))


def run(home: Path, program: str, *arguments: str, hidden: tuple[str, ...] = ("yaml",)) -> tuple[int, str]:
    script = home / "run.py"
    script.write_text(HIDES.format(hidden=set(hidden)) + program)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PLEXDEV_", "DEV_", "PYTEST"))}
    # Hide the developer's own cluster.
    nowhere = {"KUBECONFIG": str(home / "kubeconfig"), "DOCKER_HOST": f"unix://{home}/no-docker.sock"}
    environment = {**kept, "PLEXDEV_STATE_DIR": str(home / "state"), **nowhere}
    result = subprocess.run(
        [sys.executable, str(script), *arguments], cwd=home, env=environment, capture_output=True, text=True
    )
    return result.returncode, result.stdout + result.stderr


COMMAND = "from pytest_plexdev.cli.main import main\nsys.exit(main())\n"
PYTEST = "import pytest\nsys.exit(pytest.main(['-p', 'no:cacheprovider', *sys.argv[1:]]))\n"


@pytest.mark.parametrize("arguments", [("up", "--stack", "kind"), ("manifests",), ("doctor", "--crds")])
def test_a_command_names_the_extra_to_install(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    code, result = run(tmp_path, COMMAND, *arguments)

    assert code == 1
    assert MISSING.format(extra="kind", package="pyyaml") in result
    assert fix("kind") in result
    assert "Traceback" not in result


@pytest.mark.parametrize(
    ("module", "package"), [("yaml", "pyyaml"), ("psycopg", "psycopg"), ("nats", "nats-py"), ("docker", "docker")]
)
def test_a_run_on_a_fresh_cluster_does_before_it_makes_one(tmp_path: Path, module: str, package: str) -> None:
    (tmp_path / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    code, result = run(tmp_path, PYTEST, "--plexdev-stack=kind", hidden=(module,))

    assert code == 1
    assert MISSING.format(extra="kind", package=package) in result
    assert fix("kind") in result
    assert "Traceback" not in result


@pytest.mark.parametrize(
    ("module", "package"), [("yaml", "pyyaml"), ("starlette", "starlette"), ("argon2", "argon2-cffi")]
)
@pytest.mark.parametrize("program", ["pytest", "plexdev"])
def test_who_brings_up_processes_hears_it_before_one_is_started(
    tmp_path: Path, program: str, module: str, package: str
) -> None:
    (tmp_path / "test_stack.py").write_text("def test_stack(plexdev_stack):\n    pass\n")
    command = (PYTEST,) if program == "pytest" else (COMMAND, "up")
    code, result = run(tmp_path, *command, hidden=(module,))

    assert code == 1
    assert MISSING.format(extra="embedded", package=package) in result
    assert fix("embedded") in result
    assert "Traceback" not in result
    assert not (tmp_path / "state").exists()


def test_attaching_does_where_there_is_a_cluster_to_read_of(tmp_path: Path) -> None:
    context = {"name": "kind-plexsphere", "context": {"cluster": "c", "user": "u"}}
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump({"contexts": [context]}))
    code, result = run(tmp_path, COMMAND, "status")

    assert code == 1
    assert MISSING.format(extra="kind", package="pyyaml") in result
    assert "Traceback" not in result


def test_who_has_no_cluster_does_not_hear_of_it(tmp_path: Path) -> None:
    code, result = run(tmp_path, COMMAND, "status")

    assert code == 1
    assert "plexdev[stack-missing]" in result


@pytest.fixture
def embedded(tmp_path: Path) -> Iterator[None]:
    """The files of a running embedded stack whose tenants are unknown to its provider."""
    directory = tmp_path / "state" / "warm"
    make_private_directory(directory)
    nowhere = Endpoints(api="http://127.0.0.1:9", issuer="http://127.0.0.1:9", database="x", nats="x")
    StackInfo(provider="embedded", id="warm", directory=directory, endpoints=nowhere, started_at=0).write(
        directory / "stack.json"
    )
    with own(directory, Mark.of_this_process("stack", "warm")):
        yield


@pytest.mark.parametrize(
    ("fixture", "module", "package"),
    [("db", "psycopg", "psycopg"), ("events", "nats", "nats-py"), ("tenants", "psycopg", "psycopg")],
)
def test_a_fixture_names_the_extra_of_its_stack(
    tmp_path: Path, embedded: None, fixture: str, module: str, package: str
) -> None:
    (tmp_path / "test_stack.py").write_text(f"def test_it(plexdev_{fixture}):\n    pass\n")
    code, result = run(tmp_path, PYTEST, "--dev-stack", hidden=(module,))

    assert code == 1
    assert MISSING.format(extra="embedded", package=package) in result
    assert fix("embedded") in result
    assert "Error: No module" not in result


@pytest.mark.parametrize("command", ["login", "whoami"])
def test_a_command_that_asks_postgres_for_the_tenants_does_too(tmp_path: Path, embedded: None, command: str) -> None:
    code, result = run(tmp_path, COMMAND, command, hidden=("psycopg",))

    assert code == 1
    assert result.startswith(MISSING.format(extra="embedded", package="psycopg"))


CLONE = "/path/to/pytest-plexdev"


@pytest.mark.parametrize(
    ("recorded", "arguments"),
    [
        ({"url": "file:///tmp", "dir_info": {}}, ["/tmp[kind]"]),
        ({"url": "file:///tmp", "dir_info": {"editable": True}}, ["--editable", "/tmp[kind]"]),
        ({"url": "file:///no/clone", "dir_info": {}}, [f"{CLONE}[kind]"]),
        (
            {"url": "https://example.com/p.git", "vcs_info": {"vcs": "git", "commit_id": "ad0768e"}},
            ["pytest-plexdev[kind] @ git+https://example.com/p.git@ad0768e"],
        ),
        ({}, [f"{CLONE}[kind]"]),
    ],
)
def test_the_printed_command_names_the_origin(
    monkeypatch: pytest.MonkeyPatch, recorded: dict[str, object], arguments: list[str]
) -> None:
    monkeypatch.setattr(extras, "_direct_url", lambda: recorded)

    assert shlex.split(extras.install_command("kind")) == [sys.executable, "-m", "pip", "install", *arguments]


def test_a_path_with_a_space_is_quoted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    clone = tmp_path / "a clone"
    clone.mkdir()
    monkeypatch.setattr(extras, "_direct_url", lambda: {"url": clone.as_uri()})

    assert shlex.split(extras.install_command("kind"))[-1] == f"{clone}[kind]"


def test_the_origin_is_what_pip_recorded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    installed = tmp_path / "pytest_plexdev-0.1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Name: pytest-plexdev\nVersion: 0.1.0\n")
    monkeypatch.syspath_prepend(tmp_path)

    assert shlex.split(extras.install_command("all"))[-1] == f"{CLONE}[all]"
    (installed / "direct_url.json").write_text(f'{{"url": "{tmp_path.as_uri()}", "dir_info": {{}}}}')
    assert shlex.split(extras.install_command("all"))[-1] == f"{tmp_path}[all]"
