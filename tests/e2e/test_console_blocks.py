"""Type the console blocks of the documentation that need a cluster, on the warm one."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.paths import cache_directory, state_directory
from tests.support.checkout import ROOT
from tests.support.console import PAGES, Session, blocks_of

BLOCKS: Final = {
    page: found for page in PAGES if (found := [block for block in blocks_of(page) if block.needs_cluster])
}
CI_STEPS: Final = set(
    re.findall(r"^  step (?:\w+=\S+ )?(make [\w-]+)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
)
"""Commands that CI runs before and after these tests: they create and delete the cluster of these tests."""


@pytest.mark.parametrize("page", BLOCKS)
def test_the_commands_print_what_is_shown(page: str, warm_stack: StackInfo, tmp_path: Path) -> None:
    session = Session(
        tmp_path, {"PLEXDEV_STATE_DIR": str(state_directory()), "PLEXDEV_CACHE_DIR": str(cache_directory())}
    )
    typed = [command for block in BLOCKS[page] for command in block.commands if command.typed not in CI_STEPS]

    for command in typed:
        status, printed = session.run(command.typed)
        assert status == 0, f"{command.place}: $ {command.typed}\n{printed}"
        assert not command.shown or command.is_as_shown(printed), f"{command.place}\n{printed}"


def test_what_is_left_to_ci_is_a_step_of_it() -> None:
    commands = {command.typed for blocks in BLOCKS.values() for block in blocks for command in block.commands}

    assert {command for command in commands if re.match(r"make (dev|dev-down|e2e)\b", command)} <= CI_STEPS
