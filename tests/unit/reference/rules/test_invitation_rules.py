from __future__ import annotations

from uuid import UUID

import pytest

from plexsphere_reference.rules.invitations import (
    InitialTuple,
    InvalidCaveatContext,
    ObjectOutOfScope,
    TooManyTuples,
    scoped_objects,
)

DOMAIN = UUID("01985a00-0000-7000-8000-00000000ac01")
PROJECT = UUID("01985a00-0000-7000-8000-00000000ab01")


def member_of(about: str) -> InitialTuple:
    return InitialTuple(relation="member", object=about)


def test_projects_and_groups_are_returned_by_kind() -> None:
    tuples = [member_of(about) for about in (f"domain:{DOMAIN}", f"project:{PROJECT}", f"group:{DOMAIN}")]

    found = scoped_objects(tuples, domain_id=DOMAIN)

    assert found == {"project": {PROJECT}, "group": {DOMAIN}}


@pytest.mark.parametrize(
    "about",
    [
        "",
        "domain",
        f"domain:{PROJECT}",
        f"domain:{DOMAIN}#member",
        f"DOMAIN:{DOMAIN}",
        f"project:{str(PROJECT).upper()}",
        f"project:{PROJECT.hex}",
        f"project:{{{PROJECT}}}",
        f"project: {PROJECT}",
        "project:",
        "platform:plexsphere",
        f"node:{PROJECT}",
    ],
)
def test_another_object_is_out_of_scope(about: str) -> None:
    with pytest.raises(ObjectOutOfScope, match=r"initial_tuples\[1\]\.object"):
        scoped_objects([member_of(f"domain:{DOMAIN}"), member_of(about)], domain_id=DOMAIN)


def test_32_tuples_are_the_most() -> None:
    scoped_objects([member_of(f"domain:{DOMAIN}")] * 32, domain_id=DOMAIN)
    with pytest.raises(TooManyTuples, match="33"):
        scoped_objects([member_of(f"domain:{DOMAIN}")] * 33, domain_id=DOMAIN)


def test_a_condition_is_refused_rather_than_ignored() -> None:
    tuples = [InitialTuple(relation="member", object=f"domain:{DOMAIN}", caveat_context={"until": "noon"})]

    with pytest.raises(InvalidCaveatContext):
        scoped_objects(tuples, domain_id=DOMAIN)
