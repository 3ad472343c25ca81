"""``plexdev psql`` and ``plexdev open`` on a running stack, with the real psql and a browser that records its URL."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_plexdev.core.model import StackInfo

needs_psql = pytest.mark.skipif(shutil.which("psql") is None, reason="psql is not installed")
SLUGS = "SELECT slug FROM plexsphere.domains WHERE slug LIKE 'a%'"


def plexdev(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest_plexdev.cli", *words],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.fixture
def recorder(tmp_path: Path) -> Path:
    """A program that records its arguments and its variables of libpq."""
    program = tmp_path / "bin" / "psql"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$0 $*" >{tmp_path}/arguments\nenv | grep ^PG >{tmp_path}/variables\n')
    program.chmod(0o755)
    return tmp_path


@needs_psql
def test_psql_runs_a_query_in_the_stacks_database(stack: StackInfo) -> None:
    done = plexdev("psql", "--", "-tAc", SLUGS, PGSERVICE="another", PGDATABASE="another")

    assert (done.returncode, done.stdout, done.stderr) == (0, "acme-corp\n", "")


@needs_psql
def test_psql_ends_with_its_own_exit_code(stack: StackInfo) -> None:
    done = plexdev("psql", "--", "-c", "SELECT nonsense")

    assert done.returncode == 1
    assert 'column "nonsense" does not exist' in done.stderr


@needs_psql
def test_psql_with_json_has_the_output_in_the_object(stack: StackInfo) -> None:
    done = plexdev("psql", "--json", "--", "-tAc", SLUGS)

    assert json.loads(done.stdout)["result"] == {"text": "acme-corp\n"}


def test_the_password_is_in_the_environment_only(stack: StackInfo, recorder: Path) -> None:
    done = plexdev("psql", "--", "-X", PATH=f"{recorder / 'bin'}:{os.environ['PATH']}", PGSERVICE="another")

    assert done.returncode == 0, done.stderr
    assert (recorder / "arguments").read_text() == f"{recorder}/bin/psql -X\n"
    variables = dict(line.split("=", 1) for line in (recorder / "variables").read_text().splitlines())
    user, password, port = (variables.pop(name) for name in ("PGUSER", "PGPASSWORD", "PGPORT"))
    assert stack.endpoints.database == f"postgresql://{user}:{password}@127.0.0.1:{port}/plexsphere"
    assert variables == {"PGHOST": "127.0.0.1", "PGDATABASE": "plexsphere"}


def test_without_psql_the_error_says_what_to_install(stack: StackInfo, tmp_path: Path) -> None:
    done = plexdev("psql", PATH=str(tmp_path))

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("plexdev[psql-missing]: psql is not on PATH\n")
    assert "apt install postgresql-client" in done.stderr
    assert 'eval "$(plexdev env)"' in done.stderr


@pytest.mark.parametrize(
    ("words", "path"), [([], "/"), (["api"], "/"), (["device"], "/v1/device"), (["docs"], "/v1/docs")]
)
def test_open_prints_the_page_and_opens_it(stack: StackInfo, tmp_path: Path, words: list[str], path: str) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" >{tmp_path}/opened\n')
    browser.chmod(0o755)

    done = plexdev("open", *words, BROWSER=f"{browser} %s")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{stack.endpoints.api}{path}\n", "")
    assert (tmp_path / "opened").read_text() == done.stdout


def test_open_without_a_browser_only_prints_the_url(stack: StackInfo, tmp_path: Path) -> None:
    done = plexdev("open", "docs", PATH=str(tmp_path), BROWSER="", DISPLAY="", WAYLAND_DISPLAY="")

    assert (done.returncode, done.stdout, done.stderr) == (0, f"{stack.endpoints.api}/v1/docs\n", "")
