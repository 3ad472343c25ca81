"""Run the console blocks of README, CONTRIBUTING and docs, and compare their output with the shown output.

Blocks that need a cluster are typed by ``tests/e2e/test_console_blocks.py``.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from filelock import FileLock

from tests.support.checkout import ROOT
from tests.support.console import PAGES, Block, Session, blocks_of

NEW_ENVIRONMENT: Final = "python3 -m venv .venv"
NOT_TYPED: Final = {
    NEW_ENVIRONMENT: "the environment of this test is linked there",
    ".venv/bin/pip install '../pytest-plexdev[embedded]'": "pip reads an index; the environment has the package",
    ".venv/bin/pip install '../pytest-plexdev[embedded,oidc]'": "pip reads an index; the environment has the package",
    ".venv/bin/pip install --editable '.[test]'": "pip reads an index; the environment has the package",
    "make test": "a step of CI",
    "make lint": "a step of CI",
    ".venv/bin/pre-commit install": "a clone without .git has no hooks",
}
"""Commands that the test leaves out, with the reason."""
WARM_PORTS: Final = (8080, 5556)
BLOCKS: Final = {
    page: found for page in PAGES if (found := [block for block in blocks_of(page) if not block.needs_cluster])
}


@pytest.fixture(scope="session")
def cache_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def session(tmp_path: Path, cache_directory: Path) -> Iterator[Session]:
    session = Session(
        tmp_path,
        {
            "PLEXDEV_CACHE_DIR": str(cache_directory),
            "KUBECONFIG": str(tmp_path / "no-kubeconfig"),
            "DOCKER_HOST": f"unix://{tmp_path}/no-docker.sock",
        },
    )
    yield session
    session.run("cd ~/../pytest-plexdev && .venv/bin/plexdev down")


@pytest.fixture
def _warm_ports(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The ports of a warm stack, for one page at a time."""
    if not any(
        "plexdev up" in command.typed
        for block in BLOCKS[request.node.callspec.params["page"]]
        for command in block.commands
    ):
        yield
        return
    with FileLock(tmp_path_factory.getbasetemp().parent / "warm-ports.lock"):
        for port in WARM_PORTS:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    pytest.skip(f"port {port} of a warm stack is in use")
        yield


@pytest.mark.usefixtures("_warm_ports")
@pytest.mark.parametrize("page", [page for page, blocks in BLOCKS.items() if any(each.commands for each in blocks)])
def test_the_commands_print_what_is_shown(page: str, session: Session) -> None:
    for block in BLOCKS[page]:
        follow(block, session)


def follow(block: Block, session: Session) -> None:
    if block.title is not None:
        session.write(block.title, block.text)
    for command in block.commands:
        if command.typed in NOT_TYPED:
            if command.typed == NEW_ENVIRONMENT:
                session.link_environment()
            continue
        status, printed = session.run(command.typed)
        shown = f"{command.place}: $ {command.typed}\n{printed}\n(exit code {status})"
        assert (status != 0) is command.shows_a_failure, shown
        assert not command.shown or command.is_as_shown(printed), f"{shown}\n--- the page shows:\n{command.shown}"


def test_every_exception_is_on_a_page() -> None:
    typed = {command.typed for blocks in BLOCKS.values() for block in blocks for command in block.commands}

    assert NOT_TYPED.keys() - typed == set()


def test_a_step_of_ci_is_one() -> None:
    steps = set(
        re.findall(
            r"^  (?:\w+=\w+ )?step (make [\w-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE
        )
    )

    assert {command for command, reason in NOT_TYPED.items() if reason == "a step of CI"} <= steps
