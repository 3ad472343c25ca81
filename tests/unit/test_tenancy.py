from __future__ import annotations

import ipaddress
import re

import pytest

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.tenancy import Tenants, random_ula, unique_slug


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


def test_an_unknown_tenant_is_missing_as_in_any_mapping_and_says_what_to_read() -> None:
    tenants = Tenants({}, log="/logs/bootstrap.log")

    assert tenants.get("acme-corp") is None
    with pytest.raises(KeyError) as missing:
        tenants["acme-corp"]
    assert isinstance(missing.value, PlexdevError)
    assert str(missing.value).splitlines() == [
        "plexdev[seed-missing]: the stack has no seeded Domain acme-corp",
        "  why: it has no seeded Domain at all; the bootstrap did not run, or seeded something else",
        "  fix: read /logs/bootstrap.log",
    ]
