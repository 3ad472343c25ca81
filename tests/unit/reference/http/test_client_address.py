"""The client address that the audit log and the throttles use."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from plexsphere_reference.http.client_address import client_address

PEER = "10.1.2.3"


def request(*forwarded_for: str, peer: tuple[str, int] | None = (PEER, 50000)) -> Request:
    headers = [(b"x-forwarded-for", value.encode("latin-1")) for value in forwarded_for]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": headers, "client": peer})


@pytest.mark.parametrize(
    ("forwarded_for", "address"),
    [
        ((), PEER),
        (("203.0.113.7",), "203.0.113.7"),
        (("198.51.100.1, 203.0.113.7",), "203.0.113.7"),
        (("198.51.100.1", "203.0.113.7"), "203.0.113.7"),
        (("203.0.113.7:4711",), "203.0.113.7"),
        (("[2001:db8::1]:4711",), "2001:db8::1"),
        (("[2001:DB8:0::1]",), "2001:db8::1"),
        (("2001:db8::1",), "2001:db8::1"),
        (("unknown",), PEER),
        (("",), PEER),
        (("203.0.113.7,",), PEER),
        (("203.0.113.7\n",), "203.0.113.7"),
        (("<script>",), PEER),
        (("[",), PEER),
    ],
)
def test_a_trusted_proxy_says_who_its_client_is(forwarded_for: tuple[str, ...], address: str) -> None:
    assert client_address(request(*forwarded_for), trust_proxy=True) == address


def test_the_header_counts_only_behind_a_trusted_proxy() -> None:
    assert client_address(request("203.0.113.7"), trust_proxy=False) == PEER


def test_a_server_that_does_not_know_its_peer() -> None:
    assert client_address(request(peer=None), trust_proxy=False) is None
    assert client_address(request("203.0.113.7", peer=None), trust_proxy=True) == "203.0.113.7"
