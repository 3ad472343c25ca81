from __future__ import annotations

import ipaddress
import re

from pytest_plexdev.tenancy import random_ula, unique_slug


def test_a_random_range_is_a_canonical_ula_48() -> None:
    ranges = {random_ula() for _ in range(500)}

    assert len(ranges) == 500
    for text in ranges:
        network = ipaddress.IPv6Network(text)
        assert network.prefixlen == 48
        assert network.subnet_of(ipaddress.IPv6Network("fd00::/8"))
        assert str(network) == text


def test_slugs_are_unique_and_legal() -> None:
    slugs = {unique_slug("t") for _ in range(500)}

    assert len(slugs) == 500
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", slug) for slug in slugs)
