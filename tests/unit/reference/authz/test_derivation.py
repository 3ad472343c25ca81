"""The relations from which a permission derives; a look-up of resources follows them."""

from __future__ import annotations

from plexsphere_reference.authz.connect import SCHEMA
from plexsphere_reference.authz.parser import parse


def relations(type_: str, name: str) -> set[str]:
    return {f"{of}#{relation}" for of, relation in parse(SCHEMA.read_text()).relations_behind(type_, name)}


def test_a_relation_derives_from_itself_and_its_groups() -> None:
    assert relations("domain", "auditor") == {"domain#auditor", "group#member"}


def test_an_arrow_leads_over_its_tuples_to_the_name_behind_it() -> None:
    assert relations("bootstrap_token", "manage") == {
        "bootstrap_token#parent",
        "project#admin",
        "project#parent",
        "domain#admin",
        "group#member",
    }


def test_an_arrow_ends_where_the_other_side_has_no_such_name() -> None:
    assert relations("node", "node_agent") == {"node#parent", "domain#admin", "group#member"}


def test_every_operand_counts() -> None:
    schema = parse(
        """
definition user {}

definition door {
	relation key: user
	relation ban: user
	permission open = key - ban
}
"""
    )

    assert schema.relations_behind("door", "open") == {("door", "key"), ("door", "ban")}
