from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator

import pytest

from pytest_plexdev import eventually


def next_of(*values: object) -> Callable[[], object]:
    """A function that returns the values in turn, and the last one ever after."""
    given: Iterator[object] = itertools.chain(values, itertools.repeat(values[-1]))
    return lambda: next(given)


def test_the_first_true_value_is_returned() -> None:
    assert eventually(next_of([], [], ["a project"]), within=5, every=0.001) == ["a project"]


def test_a_value_is_waited_for() -> None:
    assert eventually(next_of("healthy", "stale"), until="stale", within=5, every=0.001) == "stale"


def test_a_condition_is_waited_for() -> None:
    assert eventually(next_of(1, 2, 3), until=lambda count: count == 3, within=5, every=0.001) == 3


def test_the_error_lists_each_value_and_when_it_changed() -> None:
    with pytest.raises(AssertionError) as failed:
        eventually(next_of("healthy", "healthy", "stale"), until="unreachable", within=0.3, every=0.05)

    heading, first, second = str(failed.value).splitlines()
    assert re.fullmatch(r"the value was not 'unreachable' within 0\.3 s \(\d+ readings\):", heading)
    assert re.fullmatch(r" +0\.0 s  'healthy'", first)
    assert re.fullmatch(r" +0\.1 s  'stale'", second)


def test_an_ignored_error_is_listed_and_the_cause() -> None:
    def read() -> str:
        raise LookupError("not there yet")

    with pytest.raises(AssertionError, match=r"0\.0 s  raised LookupError: not there yet") as failed:
        eventually(read, within=0.02, every=0.01, ignoring=LookupError)

    assert isinstance(failed.value.__cause__, LookupError)


def test_other_errors_end_the_wait() -> None:
    def read() -> str:
        raise LookupError("misspelt")

    with pytest.raises(LookupError, match="misspelt"):
        eventually(read, within=60, ignoring=KeyError)


def test_many_changes_are_shortened_and_secrets_masked() -> None:
    counter = itertools.count()
    with pytest.raises(AssertionError) as failed:
        eventually(lambda: {"n": next(counter), "token": "psk_dev_abcdefgh"}, until=None, within=0.5, every=0.002)

    lines = str(failed.value).splitlines()
    assert len(lines) == 1 + 10 + 1 + 10
    assert re.search(r"… \d+ more changes …", lines[11])
    assert "abcdefgh" not in str(failed.value)
