from __future__ import annotations

import pytest

import pytest_plexdev
from pytest_plexdev.core.lookup import nearest, unknown_name
from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.seeded_domains import tenants_in, with_people_of


@pytest.mark.parametrize(
    ("name", "meant"),
    [("acme", "acme-corp"), ("ACME-CORP", "acme-corp"), ("beta-lcl", "beta-llc"), ("corp", "acme-corp"), ("zzz", None)],
)
def test_the_nearest_name(name: str, meant: str | None) -> None:
    assert nearest(name, ["acme-corp", "beta-llc", "gamma-coop"]) == meant


def test_an_unknown_name_without_a_near_one_lists_the_known_ones() -> None:
    assert str(unknown_name("the stack", "service", "zzz", [])).splitlines() == [
        "plexdev[unknown-name]: the stack has no service zzz",
        "  why: it has none at all",
        "  fix: use one of those",
    ]


def test_what_is_no_name_at_all() -> None:
    assert "has no service None\n" in str(unknown_name("the stack", "service", None, ["nats"]))
    assert "has no service 3\n" in str(unknown_name("the stack", "service", 3, ["nats"]))


def test_a_public_name_that_is_not_there() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Tenent'; did you mean Tenant"):
        pytest_plexdev.Tenent  # noqa: B018


ADMIN, OPERATOR = ({"external_subject": subject, "email": f"{subject}@x"} for subject in ("s1", "s3"))
MANIFEST = {
    "platform_operators": [{"domain": "two", "external_subject": "s3"}],
    "domains": [
        {"id": 1, "slug": "one", "idp_bindings": [{"id": 11}], "domain_admins": [ADMIN]},
        {"id": 2, "slug": "two", "idp_bindings": [{"id": 21}], "domain_admins": [ADMIN, OPERATOR]},
        {"id": 3, "slug": "three", "idp_bindings": [], "domain_admins": []},
    ],
}


def test_a_manifest_says_who_administers_and_who_operates() -> None:
    assert tenants_in(MANIFEST) == (
        SeededTenant(slug="one", domain_id="1", binding_id="11", admin="s1@x"),
        SeededTenant(slug="two", domain_id="2", binding_id="21", admin="s1@x", operator="s3@x"),
    )


def test_users_of_a_manifest_are_assigned_to_existing_domains() -> None:
    there = [SeededTenant(slug=slug, domain_id="d", binding_id="b") for slug in ("two", "x")]

    assert with_people_of(there, MANIFEST) == (
        SeededTenant(slug="two", domain_id="d", binding_id="b", admin="s1@x", operator="s3@x"),
        there[1],
    )
