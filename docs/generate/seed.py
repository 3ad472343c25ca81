"""Render the page of the seeded tenants and people from the seed and the identity provider's configuration."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml

from docs.generate.markdown import table
from pytest_plexdev.core.people import PASSWORD

_LOCAL: Final = Path(__file__).parents[2] / "deploy" / "local"
_HEAD: Final = """\
# Seeded tenants and people

Every stack starts with the same three tenants, with the same ids, and with the same people at its identity provider.
This page is generated from `deploy/local/seed/tenants.yaml` and `deploy/local/base/dex/config.yaml` (`make docs`).
"""
_AFTER: Final = """\
`plexdev_login("acme-corp")` signs in the tenant's admin; `plexdev_login("acme-corp", user="member@example.com")`
signs in another person, who becomes a user of the Domain with the first sign-in. A wrong password is
`plexdev_login("acme-corp", password="wrong")`, which fails with an [error](errors.md).

[Another seed](../how-to/customise.md#another-seed) replaces all of this.
"""


def page() -> str:
    """The whole page."""
    seed = yaml.safe_load((_LOCAL / "seed" / "tenants.yaml").read_text(encoding="utf-8"))
    operators = {(each["domain"], each["external_subject"]) for each in seed["platform_operators"]}
    tenants = table(
        ("slug", "name", "id", "address range", "IdP binding"),
        (
            [f"`{each[key]}`" for key in ("slug", "name", "id", "mesh_cidr")] + [_binding(each)]
            for each in seed["domains"]
        ),
    )
    admins = table(("Domain", "admin", "may also"), _admins(seed, operators))
    return "\n".join(
        [_HEAD, "## Tenants\n", tenants, admins, "## People\n", table(("user", "password"), _people()), _AFTER]
    )


def _binding(domain: dict[str, Any]) -> str:
    return ", ".join(f"`{each['alias']}` `{each['id']}`" for each in domain["idp_bindings"])


def _admins(seed: dict[str, Any], operators: set[tuple[str, str]]) -> Iterator[tuple[str, str, str]]:
    for domain in seed["domains"]:
        for admin in domain["domain_admins"]:
            is_operator = (domain["slug"], admin["external_subject"]) in operators
            yield (
                f"`{domain['slug']}`",
                f"`{admin['email']}`",
                "create Domains (platform operator)" if is_operator else "",
            )


def _people() -> Iterator[tuple[str, str]]:
    configuration = yaml.safe_load((_LOCAL / "base" / "dex" / "config.yaml").read_text(encoding="utf-8"))
    people = yaml.safe_load(configuration["data"]["config.yaml"])["staticPasswords"]
    return ((f"`{each['email']}`", f"`{PASSWORD}`") for each in people)
