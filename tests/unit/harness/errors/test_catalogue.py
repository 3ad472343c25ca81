from __future__ import annotations

import json
import pickle
import re
import string
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest

from pytest_plexdev import errors
from pytest_plexdev.errors import CATALOGUE, PORT_TAKEN, Advice, Failure, PlexdevError, decode_failure, encode_failure

ROOT = Path(__file__).parents[4]
LOGS = {"postgres", "nats", "dex", "spicedb", "plexsphere-signer", "plexsphere", "plexsphere-bootstrap", "plexd"}


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
    subjects = (errors, *(each for each in vars(errors).values() if isinstance(each, ModuleType)))
    names = [name for subject in subjects for name, value in vars(subject).items() if isinstance(value, Failure)]

    assert len(set(names)) == len(CATALOGUE)
    assert [name for name in names if not re.search(rf"\b{name}\b", code)] == []


@pytest.mark.parametrize("path", sorted((ROOT / "pytest_plexdev").rglob("*.py")), ids=lambda path: path.stem)
def test_every_log_that_a_text_names_is_a_services(path: Path) -> None:
    named = set(re.findall(r"plexdev logs ([a-z][a-z-]*)", path.read_text()))

    assert named <= LOGS


ADVICE = Advice(
    mode="clock-skew", evidence="60 s apart", explanation="time", command="hwclock --hctosys", needs_cluster=False
)


def port_taken(*advice: Advice) -> PlexdevError:
    facts = {"port": 8080, "purpose": "the API", "holder": "nginx (12)", "why": "it is", "stop": "stop it"}
    return PlexdevError(PORT_TAKEN, detail="in use", **facts).with_advice(advice)


def test_a_failure_crosses_processes_with_its_advice() -> None:
    error = port_taken(ADVICE)
    copies = pickle.loads(pickle.dumps(error)), decode_failure(json.loads(json.dumps(encode_failure(error))))

    assert [str(copy) for copy in copies] == [str(error)] * 2
    assert [copy.advice for copy in copies] == [(ADVICE,)] * 2


def test_advice_is_printed_between_the_detail_and_the_fix() -> None:
    assert str(port_taken(ADVICE)).splitlines()[2:] == [
        "  | in use",
        "  | doctor[clock-skew]: 60 s apart",
        "  |   time",
        "  |   try: hwclock --hctosys",
        "  fix: stop it",
    ]


def test_advice_has_its_secrets_masked() -> None:
    secret = replace(ADVICE, command="psql postgres://plexsphere:hunter2@localhost/plexsphere")

    assert "hunter2" not in repr(port_taken(secret).advice)


def test_a_changed_error_keeps_what_is_not_named() -> None:
    error = port_taken(ADVICE).changed(port=9090)

    assert (error.facts["port"], error.facts["stop"], error.detail, error.advice) == (
        9090,
        "stop it",
        "in use",
        (ADVICE,),
    )
