"""The command ``list``: the objects of the control plane, with plexctl's output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_plexdev.cli.control_plane import ControlPlane, add_signed_in_command
from pytest_plexdev.cli.objects import object_table, to_json
from pytest_plexdev.cli.output import add_output_alias, report_result

if TYPE_CHECKING:
    from pytest_plexdev.api import Client
    from pytest_plexdev.api.audit import AuditEntry

Rows: TypeAlias = list[Mapping[str, Any]]
_PSEUDONYM_LENGTH: Final = 12
"""Characters that are shown of a pseudonym, which has 64."""


def add_list_command(subparsers: Any) -> None:
    """Add the command.

    Args:
        subparsers: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = add_signed_in_command(subparsers, "list", _list, help="list objects of the control plane")
    parser.add_argument("what", choices=sorted(_LISTS))
    add_output_alias(parser)


def _list(plane: ControlPlane, arguments: argparse.Namespace) -> int:
    listing = _LISTS[arguments.what]
    client = plane.client(plane.credentials.for_reading(arguments.domain, arguments.user))
    domain_id = plane.domain_id(arguments.domain)
    items = list(listing.items(client, domain_id))
    report_result(
        arguments,
        to_json({"items": items}),
        lambda: object_table(listing.rows(client, domain_id, items), listing.columns),
    )
    return 0


def _members(_client: Client, _domain_id: str, items: Sequence[Any]) -> Rows:
    return [to_json(item) for item in items]


def _who_did_what(client: Client, domain_id: str, entries: Sequence[AuditEntry]) -> Rows:
    names = _names(client, domain_id)
    return [
        {
            **to_json(entry),
            "who": _name_of(entry, names),
            "did": entry.relation,
            "to": f"{entry.object.type}:{entry.object.id}",
            "result": entry.reason,
        }
        for entry in entries
    ]


def _names(client: Client, domain_id: str) -> Mapping[str, str]:
    """The names of a Domain's identities by id; empty if the user may not list them."""
    from pytest_plexdev.api.problems import ProblemError

    try:
        return {each.id: each.display_name for each in client.identities.list(domain_id)}
    except ProblemError as error:
        if error.status != 403:
            raise
        return {}


def _name_of(entry: AuditEntry, names: Mapping[str, str]) -> str:
    """The name or id of the user; of anybody else, who has no identity in the Domain, the pseudonym."""
    identity = entry.subject.identity_id_ref
    if identity is None:
        return f"pseudonym {entry.subject.pseudonym[:_PSEUDONYM_LENGTH]}"
    return names.get(identity, identity)


@dataclass(frozen=True)
class _Listing:
    items: Callable[[Client, str], Iterator[Any]]
    columns: Sequence[str]
    rows: Callable[[Client, str, Sequence[Any]], Rows] = _members


_LISTS: Final = {
    "audit": _Listing(
        lambda client, domain: client.audit.entries(domain),
        ["seq", "occurred_at", "who", "did", "to", "result", "correlation_id"],
        _who_did_what,
    ),
    "domain": _Listing(lambda client, _: client.domains.list(), ["id", "slug", "name", "mesh_cidr"]),
    "group": _Listing(
        lambda client, domain: client.groups.list(domain_id=domain), ["id", "slug", "display_name", "source"]
    ),
    "identity": _Listing(
        lambda client, domain: client.identities.list(domain), ["id", "kind", "display_name", "last_sign_in_at"]
    ),
    "node": _Listing(lambda client, domain: client.nodes.list(domain_id=domain), ["id", "domain_id", "created_at"]),
    "project": _Listing(
        lambda client, domain: client.projects.list(domain_id=domain), ["id", "slug", "name", "sub_range_cidr"]
    ),
}
