"""Our modules are started with the standard library first, and the user's PYTHONPATH after it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from pytest_plexdev.core.interpreter import environment_of_user, module_command, python_variables

PROGRAM = """
import json, queue, sys, yaml
print(json.dumps([queue.__file__, yaml.__file__, sys.argv[1:], __name__]))
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A working directory with a program, and with modules that have the names of others."""
    for name, text in (("program", PROGRAM), ("queue", "raise SystemExit('mine')"), ("yaml", "")):
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
    return tmp_path


def test_the_standard_library_precedes_the_users_directories(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As if this Python had been started there, and a test had changed the directory since.
    monkeypatch.setenv("PYTHONPATH", f".{os.pathsep}nowhere")
    monkeypatch.setenv("PWD", str(directory))
    monkeypatch.syspath_prepend(str(directory))
    monkeypatch.chdir("/")
    argv = [*module_command("program"), "--one", "two"]
    answer = subprocess.run(argv, cwd="/", env=python_variables({}), capture_output=True, check=True)

    library = Path(os.__file__).parent
    assert json.loads(answer.stdout) == [
        str(library / "queue.py"),
        str(directory / "yaml.py"),
        ["--one", "two"],
        "__main__",
    ]


def test_the_working_directory_is_not_searched(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(directory)
    answer = subprocess.run(module_command("program"), env=python_variables({}), capture_output=True, check=False)

    assert answer.returncode != 0
    assert b"No module named program" in answer.stderr


def test_programs_keep_the_users_environment_except_pythons() -> None:
    user = {"DOCKER_HOST": "ssh://far", "SSH_AUTH_SOCK": "/agent", "PYTHONINSPECT": "1", "PYTHONPATH": "."}
    assert environment_of_user(user) == {
        "DOCKER_HOST": "ssh://far",
        "SSH_AUTH_SOCK": "/agent",
        **python_variables({}),
    }
