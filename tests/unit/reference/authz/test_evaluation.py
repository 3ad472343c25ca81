"""Evaluation over incomplete tuples, and over cyclic data."""

from __future__ import annotations

from typing import Final

from plexsphere_reference.authz.evaluation import Evaluation, Neighbourhood, Verdict
from plexsphere_reference.authz.model import Object, Subject
from plexsphere_reference.authz.parser import parse

SCHEMA: Final = parse("""
definition user {}

definition group {
	relation member: user | group#member
}

definition vault {
	relation owner: user | group#member
	relation banned: user | group#member
	relation parent: vault
	permission open = owner - banned
	permission share = owner & banned
	permission reach = owner + parent->reach
	permission avoid = owner - parent->avoid
}
""")
ADA: Final = Subject("user", "ada")
VAULT: Final = Object("vault", "v")


def neighbourhood(*direct: str, **edges: str) -> Neighbourhood:
    return Neighbourhood(frozenset(direct), {name: [Subject.parse(edge)] for name, edge in edges.items()})


def verdict(known: dict[str, Neighbourhood], permission: str) -> tuple[Verdict, list[str]]:
    """Return the verdict on the vault, and the objects whose tuples are still missing."""
    evaluation = Evaluation(SCHEMA, ADA, {Object.parse(name): facts for name, facts in known.items()})
    return evaluation.run(VAULT, permission), [str(target) for target in evaluation.missing]


def test_what_is_not_loaded_is_asked_for_and_not_guessed() -> None:
    assert verdict({}, "open") == (None, ["vault:v"])
    assert verdict({"vault:v": neighbourhood("owner", banned="group:g#member")}, "open") == (None, ["group:g"])
    assert verdict({"vault:v": neighbourhood(banned="group:g#member")}, "open")[0] == ()


def test_a_grant_that_is_certain_needs_no_more() -> None:
    granted, missing = verdict({"vault:v": neighbourhood("owner", parent="vault:w")}, "reach")

    assert (granted, missing) == (("vault:v#owner",), [])


def test_exclusion_and_intersection() -> None:
    both = {"vault:v": neighbourhood("owner", "banned")}
    one = {"vault:v": neighbourhood("owner")}

    assert [verdict(both, "open")[0], verdict(one, "open")[0]] == [(), ("vault:v#owner",)]
    assert [verdict(both, "share")[0], verdict(one, "share")[0]] == [("vault:v#owner",), ()]


def test_a_circle_ends_and_what_is_on_it_still_counts() -> None:
    circle = {
        "vault:v": neighbourhood(parent="vault:w"),
        "vault:w": neighbourhood(parent="vault:v", owner="group:g#member"),
        "group:g": neighbourhood("member"),
    }

    assert verdict(circle, "reach")[0] == ("group:g#member", "vault:w#owner", "vault:v#parent")
    assert verdict({**circle, "group:g": neighbourhood()}, "reach")[0] == ()


def test_a_circle_below_an_exclusion_grants_nothing() -> None:
    # owner - (owner - (owner - …)): every answer would contradict itself.
    assert verdict({"vault:v": neighbourhood("owner", parent="vault:v")}, "avoid")[0] == ()


def test_diamonds_of_groups_cost_linear_time() -> None:
    known = {"vault:v": neighbourhood(owner="group:0#member")}
    for level in range(40):
        below = [Subject("group", str(level + 1), "member")] * 2
        known[f"group:{level}"] = Neighbourhood(frozenset(), {"member": below})
    known["group:40"] = neighbourhood()

    assert verdict(known, "open") == ((), [])  # 2⁴⁰ steps would not end
