from __future__ import annotations

import ipaddress
import re
from typing import Any

import pytest

from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.unique_slugs import unique_slug
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.testkit.factories import random_ula
from pytest_plexdev.testkit.tenancy import Tenant, Tenants


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


def test_an_unknown_slug_names_the_nearest_one() -> None:
    logins: Any = None
    seeded = [SeededTenant(slug=slug, domain_id="d", binding_id="b") for slug in ("acme-corp", "beta-llc")]
    tenants = Tenants({each.slug: Tenant(each, logins) for each in seeded}, log="/logs/bootstrap.log")

    assert tenants.get("acme") is None
    with pytest.raises(KeyError) as missing:
        tenants["acme"]
    assert isinstance(missing.value, PlexdevError)
    assert str(missing.value).splitlines() == [
        "plexdev[unknown-name]: the stack has no seeded Domain acme",
        "  why: it has acme-corp, beta-llc",
        "  fix: did you mean acme-corp?",
    ]


def test_without_seeded_tenants_the_error_names_the_log() -> None:
    tenants = Tenants({}, log="/logs/bootstrap.log")

    assert tenants.get("acme-corp") is None
    with pytest.raises(KeyError) as missing:
        tenants["acme-corp"]
    assert isinstance(missing.value, PlexdevError)
    assert str(missing.value).splitlines() == [
        "plexdev[seed-missing]: the stack has no seeded Domain acme-corp",
        "  why: it has no seeded Domain at all; the bootstrap did not run, or used another seed manifest",
        "  fix: read /logs/bootstrap.log",
    ]
