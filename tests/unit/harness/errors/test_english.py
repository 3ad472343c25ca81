"""Printed texts use the words of the reference pages of pytest and Kubernetes, and no words of speech."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Final

import pytest

from pytest_plexdev.cli.main import build_parser
from pytest_plexdev.doctor.modes import MODES
from pytest_plexdev.errors import CATALOGUE, Failure
from pytest_plexdev.options import OPTIONS

UNWANTED: Final = re.compile(
    r"\b(nobody|somebody|anybody|everybody|whoever|whatever|whose"
    r"|tells?|told|say|says|said|asks?|asked|hears?|heard|gives?|gave|given"
    r"|anew|not whole|as it is|is there|are there|there is none|has it|are apart|go(es)? on|gives? up"
    r"|of ours|of yours|in place of ours|takes? no|look who|was asked for)\b"
)
FACTS: Final = re.compile(r"\{[^}]*\}|%\([^)]*\)s")


def of_the_parser(parser: argparse.ArgumentParser, name: str = "plexdev") -> Iterator[tuple[str, str]]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for choice in action._choices_actions:
                yield f"{name} {choice.dest}", choice.help or ""
            for command, child in action.choices.items():
                yield from of_the_parser(child, f"{name} {command}")
        elif action.help and action.help != argparse.SUPPRESS:
            yield f"{name} {action.dest}", action.help


def texts() -> Iterator[tuple[str, str]]:
    """A place and a text, from the tables that print it."""
    for failure in CATALOGUE:
        for part in ("what", "why", "fix"):
            yield f"{failure.tag}.{part}", getattr(failure, part)
    for option in OPTIONS:
        yield option.flag, option.full_help
    for mode in MODES:
        for part in ("title", "signal", "explanation", "remedy"):
            yield f"{mode.tag}.{part}", getattr(mode, part)
    yield from of_the_parser(build_parser())


TEXTS: Final = dict(texts())


def test_every_table_is_read() -> None:
    assert len(TEXTS) > 3 * len(CATALOGUE) + len(OPTIONS) + 4 * len(MODES) + 20


@pytest.mark.parametrize("place", TEXTS)
def test_a_printed_text_is_plain_technical_english(place: str) -> None:
    assert UNWANTED.findall(FACTS.sub("X", TEXTS[place])) == []


@pytest.mark.parametrize("text", ["it was told", "nobody listens", "a cluster of ours", "what it says"])
def test_the_words_of_speech_are_found(text: str) -> None:
    assert UNWANTED.search(text)


@pytest.mark.parametrize("failure", CATALOGUE, ids=lambda failure: failure.tag)
def test_catalogue_texts_have_no_full_stop_and_no_capital(failure: Failure) -> None:
    for part in ("what", "why", "fix"):
        text = getattr(failure, part)
        assert not text.endswith(".")
        assert not re.match(r"(The|A|An|It|This|No) ", text)
