"""Decisions under ``authz.zed``: SpiceDB and its stand-in decide the same."""

from __future__ import annotations

import asyncio

import pytest

from plexsphere_reference.authz.model import Authorizer, AuthzRejected, Decision, Relationship
from plexsphere_reference.http.visibility import _MOST_ENUMERATED
from tests.support.authz_tuples import TUPLES, tuples

pytestmark = pytest.mark.anyio


EVERYONE = (
    *(f"user:{name}" for name in ("ada", "aude", "mia", "eve", "bob", "olga", "otto", "greta", "ivan")),
    *(f"user:{name}" for name in ("paul", "max", "olaf", "vera", "rita", "nora", "nobody")),
    "serviceaccount:robot",
    "group:staff#member",
    "group:interns#member",
)
STAFF = ("group:staff#member", "group:interns#member", "user:greta", "user:ivan")

# The relations that each permission admits, and no others.
GATES = {
    "platform:plexsphere manage": ("user:olga",),
    "platform:plexsphere create_domain": ("user:olga",),
    "platform:plexsphere read": ("user:olga", "user:otto"),
    "platform:plexsphere auditor": ("user:otto",),
    "domain:acme manage": ("user:ada",),
    "domain:acme admin": ("user:ada",),
    "domain:acme auditor": ("user:ada", "user:aude"),
    "domain:acme read": ("user:ada", "user:aude", "user:mia", "serviceaccount:robot", "user:eve"),
    "domain:acme domain_view": ("user:ada", "user:aude", "user:mia", "serviceaccount:robot"),
    "domain:acme domain_edit": ("user:ada",),
    "domain:beta read": ("user:bob",),
    "domain:none read": (),
    "project:web manage": ("user:ada", "user:paul"),
    "project:web deploy": ("user:ada", "user:paul", "user:max"),
    "project:web act": ("user:ada", "user:paul", "user:max", "user:olaf"),
    "project:web observe": ("user:ada", "user:paul", "user:max", "user:olaf", "user:vera", *STAFF),
    "project:web read": ("user:ada", "user:aude", "user:paul", "user:max", "user:olaf", "user:vera", *STAFF),
    "project:web member": STAFF,
    "resource:router manage": ("user:ada", "user:paul", "user:max", "user:rita"),
    "resource:router act": ("user:ada", "user:paul", "user:max", "user:rita", "user:olaf"),
    "node:n1 node_agent": ("user:ada",),
    "node:n1 node_operate": ("user:ada", "user:paul", "user:max", "user:olaf", "user:nora"),
    "node:n1 read": (
        *("user:ada", "user:aude", "user:mia", "serviceaccount:robot", "user:eve"),
        *("user:paul", "user:max", "user:olaf", "user:vera", *STAFF),
        "user:nora",
    ),
    "bootstrap_token:t1 manage": ("user:ada", "user:paul"),
    "group:staff manage": ("user:ada",),
    "serviceaccount:robot manage": ("user:ada",),
    "label_definition:env manage": ("user:olga",),
    "label_definition:owner manage": ("user:ada",),
    "label_definition:tier manage": ("user:ada", "user:paul"),
    "label_definition:owner assign": ("user:ada", "user:aude", "user:mia", "serviceaccount:robot", "user:eve"),
}


async def test_each_gate_lets_through_whom_it_names_and_nobody_else(authorizer: Authorizer) -> None:
    await authorizer.write(tuples(TUPLES))

    for gate, holders in GATES.items():
        resource, permission = gate.split()
        decisions = await asyncio.gather(*(authorizer.check(who, permission, resource) for who in EVERYONE))
        allowed = {who for who, decision in zip(EVERYONE, decisions, strict=True) if decision.allowed}
        assert allowed == set(holders), gate


async def test_a_denial_says_the_contract_s_reason(authorizer: Authorizer) -> None:
    assert await authorizer.check("user:ada", "read", "domain:acme") == Decision(
        allowed=False, relation_path=(), reason="insufficient_relation"
    )


async def test_check_many_answers_in_the_order_of_the_question(authorizer: Authorizer) -> None:
    await authorizer.write(tuples(TUPLES))
    resources = ["domain:beta", "domain:acme", "domain:none", "domain:acme", "domain:acme"]

    assert await authorizer.check_many("user:mia", "read", resources) == [False, True, False, True, True]
    assert await authorizer.check_many("user:mia", "read", []) == []


async def test_lookup_finds_direct_and_derived_resources(authorizer: Authorizer) -> None:
    await authorizer.write(tuples(TUPLES))

    assert await authorizer.lookup_resources("user:ada", "read", "domain") == ["domain:acme"]
    assert await authorizer.lookup_resources("user:ivan", "read", "node") == ["node:n1"]
    assert sorted(await authorizer.lookup_resources("user:ada", "manage", "label_definition")) == [
        "label_definition:owner",
        "label_definition:tier",
    ]
    assert await authorizer.lookup_resources("user:nobody", "read", "node") == []


async def test_what_a_subject_reaches_is_enumerated_up_to_a_limit(authorizer: Authorizer) -> None:
    await authorizer.write(tuples(TUPLES))
    await authorizer.write(Relationship(f"node:{n}", "parent", "project:web") for n in range(2, 6))

    five = await authorizer.enumerate_resources("user:ivan", "read", "node", limit=5)
    four = await authorizer.enumerate_resources("user:ivan", "read", "node", limit=4)

    assert five is not None
    assert sorted(five) == ["node:2", "node:3", "node:4", "node:5", "node:n1"]
    assert four is None
    assert await authorizer.enumerate_resources("user:nobody", "read", "node", limit=1) == []
    assert len(await authorizer.enumerate_resources("user:ivan", "read", "node", limit=_MOST_ENUMERATED) or ()) == 5


async def test_cyclic_groups_do_not_break_a_list(authorizer: Authorizer) -> None:
    await authorizer.write(
        tuples("""
            group:a#member@group:b#member
            group:b#member@group:a#member
            group:b#member@user:ada
            domain:acme#admin@group:a#member
        """)
    )

    enumerated = await authorizer.enumerate_resources("user:ada", "read", "domain", limit=10)

    assert enumerated in (["domain:acme"], None), "a backend may give up, and then asks about each row"


async def test_a_tuple_written_twice_is_deleted_once(authorizer: Authorizer) -> None:
    tuple_ = Relationship("domain:acme", "admin", "user:ada")
    await authorizer.write([tuple_, tuple_])
    await authorizer.write([tuple_])
    assert (await authorizer.check("user:ada", "manage", "domain:acme")).allowed

    await authorizer.delete([tuple_])
    await authorizer.delete([tuple_])
    assert not (await authorizer.check("user:ada", "manage", "domain:acme")).allowed


async def test_a_check_sees_a_write_that_was_acknowledged_before_it(authorizer: Authorizer) -> None:
    for number in range(20):
        domain = f"domain:{number}"
        await authorizer.write([Relationship(domain, "admin", "user:ada")])
        assert (await authorizer.check("user:ada", "manage", domain)).allowed
        await authorizer.delete([Relationship(domain, "admin", "user:ada")])
        assert not (await authorizer.check("user:ada", "manage", domain)).allowed


async def test_a_path_deeper_than_fifty_groups_grants_nothing(authorizer: Authorizer) -> None:
    chain = [Relationship(f"group:{n}", "member", f"group:{n + 1}#member") for n in range(70)]
    await authorizer.write([*chain, Relationship("group:70", "member", "user:ada")])

    assert (await authorizer.check("user:ada", "member", "group:40")).allowed
    assert not (await authorizer.check("user:ada", "member", "group:0")).allowed


async def test_cyclic_groups_terminate_and_grant_only_their_members(authorizer: Authorizer) -> None:
    await authorizer.write(
        tuples("""
            group:a#member@group:b#member
            group:b#member@group:a#member
            group:b#member@user:ada
            domain:acme#admin@group:a#member
        """)
    )

    assert (await authorizer.check("user:ada", "manage", "domain:acme")).allowed
    assert not (await authorizer.check("user:bob", "manage", "domain:acme")).allowed


@pytest.mark.parametrize(
    ("tuple_", "message"),
    [
        ("galaxy:x#admin@user:ada", "object definition `galaxy` not found"),
        ("domain:acme#admin@robot:x", "object definition `robot` not found"),
        ("domain:acme#owner@user:ada", "relation/permission `owner` not found under definition `domain`"),
        (
            "domain:acme#manage@user:ada",
            "cannot write a relationship to permission `manage` under definition `domain`",
        ),
        ("domain:acme#admin@project:web", "subjects of type `project` are not allowed on relation `domain#admin`"),
        ("domain:acme#admin@group:g", "subjects of type `group` are not allowed on relation `domain#admin`"),
        (
            "domain:acme#admin@group:g#parent",
            "subjects of type `group#parent` are not allowed on relation `domain#admin`",
        ),
        ("domain:ac'me#admin@user:ada", "`domain:ac'me` is not an object reference of the form type:id"),
        ("domain:acme#admin@user:*", "`user:*` is not an object reference of the form type:id"),
    ],
)
async def test_a_tuple_outside_the_schema_rejects_the_whole_write(
    authorizer: Authorizer, tuple_: str, message: str
) -> None:
    with pytest.raises(AuthzRejected) as refusal:
        await authorizer.write(tuples(f"domain:acme#admin@user:ada {tuple_}"))

    assert str(refusal.value) == message
    assert not (await authorizer.check("user:ada", "manage", "domain:acme")).allowed


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (("user:ada", "fly", "domain:acme"), "relation/permission `fly` not found under definition `domain`"),
        (("user:ada", "read", "galaxy:acme"), "object definition `galaxy` not found"),
        (("alien:ada", "read", "domain:acme"), "object definition `alien` not found"),
        (("group:g#boss", "read", "domain:acme"), "relation/permission `boss` not found under definition `group`"),
        (("ada", "read", "domain:acme"), "`ada` is not an object reference of the form type:id"),
        (
            ("group:g#", "read", "domain:acme"),
            "`group:g#` is not a subject reference of the form type:id or type:id#relation",
        ),
    ],
)
async def test_a_check_that_could_never_mean_anything_is_refused(
    authorizer: Authorizer, check: tuple[str, str, str], message: str
) -> None:
    with pytest.raises(AuthzRejected) as refusal:
        await authorizer.check(*check)

    assert str(refusal.value) == message


async def test_it_is_ready_and_its_schema_may_be_applied_again(authorizer: Authorizer) -> None:
    await authorizer.write(tuples(TUPLES))
    await authorizer.apply_schema()
    await authorizer.ready()

    assert (await authorizer.check("user:ada", "manage", "domain:acme")).allowed
