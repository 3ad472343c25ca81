"""The subset of SpiceDB's schema language that ``authz.zed`` uses."""

from __future__ import annotations

import pytest

from plexsphere_reference.authz.connect import SCHEMA
from plexsphere_reference.authz.parser import SchemaError, parse
from plexsphere_reference.authz.schema import Arrow, Reference, SetOperation, SubjectType


def test_it_reads_relations_arrows_operators_and_comments() -> None:
    schema = parse(
        """
        /* two
           lines */
        definition user {}
        definition group { // of users
            relation member: user | group#member
            relation banned: user
            relation parent: group
            permission view = (member - banned) + parent->view
        }
        """
    )

    group = schema.definition("group")
    assert group.relations["member"] == (SubjectType("user"), SubjectType("group", "member"))
    assert group.permissions["view"] == SetOperation(
        "+", (SetOperation("-", (Reference("member"), Reference("banned"))), Arrow("parent", "view"))
    )


def test_the_schema_has_every_permission_of_the_contract() -> None:
    schema = parse(SCHEMA.read_text())
    gates = {
        "platform": "manage read auditor create_domain",
        "domain": "admin auditor member emergency_approver manage read domain_view domain_edit",
        "project": "admin maintainer operator member viewer manage deploy act observe read",
        "resource": "maintainer manage act",
        "node": "maintainer read node_agent node_operate",
        "bootstrap_token": "read manage",
        "label_definition": "manage read assign",
    }

    unknown = {
        (kind, name)
        for kind, names in gates.items()
        for name in names.split()
        if not schema.definition(kind).knows(name)
    }
    assert unknown == set()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("relation a: user }", "line 3: expected the end of the line, found '}'"),
        ("relation a: user relation b: user", "line 3: expected the end of the line, found 'relation'"),
        ("relation a: user\nrelation a: user", "line 4: d#a is defined twice"),
        ("relation a: user\npermission p = a + a - a", "line 4: operators of two kinds need parentheses"),
        ("relation a: user:*", "line 3: unexpected '*'"),
        ("relation a: user with late", "line 3: expected the end of the line, found 'with'"),
        ("relation a: user\npermission p = (a\n", "line 4: expected ')', found '\\n'"),
        ("relation a: user\npermission p = @", "line 4: unexpected '@'"),
        ("caveat late(x int)", "line 3: expected relation or permission, found 'caveat'"),
        ("relation a: ghost", "d#a takes ghost, which is not defined"),
        ("relation a: user\npermission p = b", "d#p names b, which d does not define"),
        ("relation a: user\npermission p = b->read", "d#p follows b, which is not a relation of d"),
        ("relation a: user\npermission p = a->read", "d#p asks for read, which nothing behind a defines"),
        ("relation a: d#a\npermission p = a->p", "d#p follows a, which takes usersets; an arrow needs objects"),
    ],
)
def test_what_it_cannot_evaluate_is_refused_by_line_or_name(body: str, message: str) -> None:
    with pytest.raises(SchemaError) as refusal:
        parse(f"definition user {{}}\ndefinition d {{\n{body}\n}}\n")

    assert str(refusal.value) == message
