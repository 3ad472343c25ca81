from __future__ import annotations

from pytest_plexdev.core.seeded_domains import seeded_of
from pytest_plexdev.core.unique_slugs import DOMAIN_PREFIX, unique_slug


def test_what_tests_made_is_not_seeded() -> None:
    rows = [("acme-corp", "d1", "b1"), (unique_slug(DOMAIN_PREFIX), "d2", "b2"), ("t-mobile", "d3", "b3")]

    assert [(one.slug, one.domain_id, one.binding_id) for one in seeded_of(rows)] == [
        ("acme-corp", "d1", "b1"),
        ("t-mobile", "d3", "b3"),
    ]
