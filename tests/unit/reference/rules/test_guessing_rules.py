from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from plexsphere_reference.rules.guessing import guessers, seconds_to_wait

USER = UUID("01985a00-0000-7000-8000-00000000ac21")


@pytest.mark.parametrize(
    ("address", "guesser"),
    [
        ("192.0.2.1", "address:192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "address:2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "address:2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "address:192.0.2.1"),
        ("fe80::1%eth0", "address:fe80::/64"),
        ("testclient", "address:testclient"),
    ],
)
def test_an_address_is_the_network_of_one_customer(address: str, guesser: str) -> None:
    assert guessers(user_id=None, address=address) == {guesser: 10}


def test_a_person_and_an_address_are_counted_apart() -> None:
    assert guessers(user_id=USER, address="192.0.2.1") == {f"user:{USER}": 5, "address:192.0.2.1": 10}
    assert guessers(user_id=None, address=None) == {}


@pytest.mark.parametrize(
    ("ages", "seconds"),
    [
        ([], 0),
        ([1.0], 0),
        ([1.0, 2.0], 58),
        ([0.0, 0.0], 60),
        ([1.0, 59.5], 1),
        ([1.0, 2.0, 59.0], 58),
    ],
)
def test_the_wait_is_until_enough_guesses_are_forgotten(ages: list[float], seconds: int) -> None:
    wrong = {"a": [timedelta(seconds=age) for age in ages]}

    assert seconds_to_wait({"a": 2, "b": 1}, wrong) == seconds
