from __future__ import annotations

import pickle
import re
import string
from pathlib import Path
from types import ModuleType

import pytest

from docs.errors_page import page
from pytest_plexdev import errors
from pytest_plexdev.errors import CATALOGUE, PORT_TAKEN, Failure, PlexdevError, decode_failure, encode_failure

ROOT = Path(__file__).parents[4]
LOGS = {"postgres", "nats", "dex", "spicedb", "plexsphere-signer", "plexsphere", "plexsphere-bootstrap"}


def test_tags_are_unique_and_in_one_spelling() -> None:
    tags = [failure.tag for failure in CATALOGUE]

    assert len(tags) == len(set(tags)) > 20
    assert [tag for tag in tags if not re.fullmatch("[a-z]+(-[a-z]+)*", tag)] == []


@pytest.mark.parametrize("failure", CATALOGUE, ids=lambda failure: failure.tag)
def test_every_entry_says_what_happened_and_what_to_do(failure: Failure) -> None:
    templates = (failure.what, failure.why, failure.fix)
    facts: dict[str, object] = {
        name: 1 for text in templates for _, name, _, _ in string.Formatter().parse(text) if name
    }

    lines = str(PlexdevError(failure, detail="", **facts)).splitlines()

    assert lines[0].startswith(f"plexdev[{failure.tag}]: ")
    assert lines[-1].startswith("  fix: ")
    assert "{" not in "".join(lines)


def test_every_entry_is_raised_somewhere() -> None:
    modules = (ROOT / "pytest_plexdev").rglob("*.py")
    code = "".join(path.read_text() for path in modules if path.parent.name != "errors")
    rooms = (errors, *(room for room in vars(errors).values() if isinstance(room, ModuleType)))
    names = [name for room in rooms for name, value in vars(room).items() if isinstance(value, Failure)]

    assert len(set(names)) == len(CATALOGUE)
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "pytest_plexdev").rglob("*.py")), ids=lambda path: path.stem)
def test_every_log_that_a_text_names_is_a_services(path: Path) -> None:
    named = set(re.findall(r"plexdev logs ([a-z][a-z-]*)", path.read_text()))

    assert named <= LOGS


def test_a_failure_crosses_processes() -> None:
    error = PlexdevError(
        PORT_TAKEN, why="it is", detail="in use", port=8080, purpose="the API", holder="nginx (12)", stop="stop it"
    )

    assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert str(decode_failure(encode_failure(error))) == str(error)
    assert str(error).splitlines()[2] == "  | in use"


def test_the_page_is_up_to_date() -> None:
    assert (ROOT / "docs" / "errors.md").read_text() == page(), "run: make docs"
