"""The commit hooks run the same checks as ``make lint``."""

from __future__ import annotations

import re
from configparser import ConfigParser
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[2]
SLOW = {"bandit"}
"""It reads every module each time; CI runs it."""


def words_of(command: str) -> str:
    """The program and its subcommand: ``ruff check``."""
    return " ".join(re.findall(r"^(?:\$\(BIN\)/|\.venv/bin/)?([a-z]+(?: [a-z]+)?)(?= |$)", command))


def test_the_hooks_make_and_tox_run_the_same_checks() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())
    hooks = [words_of(hook["entry"]) for repo in config["repos"] for hook in repo["hooks"]]
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tox = ConfigParser()
    tox.read(ROOT / "tox.ini")

    assert recipe is not None
    make = [words_of(line.strip()) for line in recipe[1].splitlines()]
    assert make == [words_of(line) for line in tox["testenv:lint"]["commands"].split("\n") if line]
    assert hooks == [check for check in make if check not in SLOW]


def test_nothing_is_fetched_from_a_network() -> None:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())

    assert [repo["repo"] for repo in config["repos"]] == ["local"]
