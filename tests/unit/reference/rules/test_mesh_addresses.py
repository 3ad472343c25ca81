from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from plexsphere_reference.rules.mesh_addresses import Span, flat_spans, next_free, sub_range_spans


def span(first: str, last: str) -> Span:
    return Span(ip_address(first), ip_address(last))


@pytest.mark.parametrize(
    ("pool", "first", "last"),
    [
        ("10.0.0.0/24", "10.0.0.1", "10.0.0.254"),
        ("10.0.0.0/30", "10.0.0.1", "10.0.0.2"),
        ("10.0.0.0/31", "10.0.0.0", "10.0.0.1"),
        ("10.0.0.7/32", "10.0.0.7", "10.0.0.7"),
        ("fd00::/126", "fd00::1", "fd00::3"),
        ("fd00::/127", "fd00::", "fd00::1"),
        ("fd00::/48", "fd00::1", "fd00:0:0:ffff:ffff:ffff:ffff:ffff"),
    ],
)
def test_reserved_addresses_are_never_given(pool: str, first: str, last: str) -> None:
    assert flat_spans(ip_network(pool), []) == [span(first, last)]


@pytest.mark.parametrize(
    ("kept", "free"),
    [
        (["10.0.0.64/26"], [("10.0.0.1", "10.0.0.63"), ("10.0.0.128", "10.0.0.254")]),
        (["10.0.0.192/26", "10.0.0.0/26"], [("10.0.0.64", "10.0.0.191")]),
        (["10.0.0.0/25", "10.0.0.128/25"], []),
        (["10.0.0.0/24"], []),
        (["10.0.0.0/32", "10.0.0.255/32"], [("10.0.0.1", "10.0.0.254")]),
        (["10.0.0.1/32"], [("10.0.0.2", "10.0.0.254")]),
        (["10.0.1.0/24", "fd00::/64"], [("10.0.0.1", "10.0.0.254")]),
    ],
)
def test_sub_ranges_are_cut_out_of_the_pool(kept: list[str], free: list[tuple[str, str]]) -> None:
    spans = flat_spans(ip_network("10.0.0.0/24"), [ip_network(each) for each in kept])

    assert spans == [span(*each) for each in free]


def test_a_pool_is_as_small_as_its_free_subnets() -> None:
    pool = ip_network("10.0.0.0/20")
    *kept, left = pool.subnets(new_prefix=24)

    assert flat_spans(pool, kept[::-1]) == [Span(left[0], left[-2])]


@pytest.mark.parametrize(
    ("sub_range", "expected"),
    [
        ("10.0.0.0/29", [("10.0.0.1", "10.0.0.6")]),
        ("10.0.0.8/31", [("10.0.0.8", "10.0.0.9")]),
        ("10.0.0.0/31", [("10.0.0.1", "10.0.0.1")]),
        ("10.0.0.0/32", []),
        ("10.0.0.255/32", []),
    ],
)
def test_a_sub_range_keeps_clear_of_the_pools_own_addresses(sub_range: str, expected: list[tuple[str, str]]) -> None:
    assert sub_range_spans(ip_network("10.0.0.0/24"), ip_network(sub_range)) == [span(*each) for each in expected]


def test_the_next_address_is_the_one_above_the_highest() -> None:
    first, second = span("10.0.0.1", "10.0.0.3"), span("10.0.0.9", "10.0.0.12")

    assert next_free([first, second], [None, None]) == ip_address("10.0.0.1")
    assert next_free([first, second], [ip_address("10.0.0.2"), None]) == ip_address("10.0.0.3")
    assert next_free([first, second], [ip_address("10.0.0.3"), None]) == ip_address("10.0.0.9")
    assert next_free([first, second], [ip_address("10.0.0.3"), ip_address("10.0.0.12")]) is None
    assert next_free([], []) is None
