"""The tuples of a small platform, in a text notation."""

from __future__ import annotations

from plexsphere_reference.authz.model import Relationship

TUPLES = """
    platform:plexsphere#admin@user:olga
    platform:plexsphere#auditor@user:otto

    domain:acme#admin@user:ada
    domain:acme#auditor@user:ada
    domain:acme#auditor@user:aude
    domain:acme#member@user:mia
    domain:acme#member@serviceaccount:robot
    domain:acme#emergency_approver@user:eve
    domain:beta#admin@user:bob
    domain:beta#auditor@user:bob

    group:staff#parent@domain:acme
    group:staff#member@user:greta
    group:staff#member@group:interns#member
    group:interns#member@user:ivan

    project:web#parent@domain:acme
    project:web#admin@user:paul
    project:web#maintainer@user:max
    project:web#operator@user:olaf
    project:web#member@group:staff#member
    project:web#viewer@user:vera

    resource:router#parent@project:web
    resource:router#maintainer@user:rita
    node:n1#parent@domain:acme
    node:n1#parent@project:web
    node:n1#maintainer@user:nora
    bootstrap_token:t1#parent@project:web
    serviceaccount:robot#parent@domain:acme
    label_definition:env#parent_platform@platform:plexsphere
    label_definition:owner#parent_domain@domain:acme
    label_definition:tier#parent_project@project:web
"""


def tuples(text: str) -> list[Relationship]:
    """Parse tuples from lines of ``resource#relation@subject``."""
    found = []
    for line in text.split():
        resource, _, rest = line.partition("#")
        relation, _, subject = rest.partition("@")
        found.append(Relationship(resource, relation, subject))
    return found
