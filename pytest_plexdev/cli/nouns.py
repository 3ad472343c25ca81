"""``plexdev NOUN VERB``: the objects of the control plane, with plexctl's nouns, verbs and output."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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


def add_nouns(commands: Any) -> None:
    """Add a command for each noun.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    for noun, listing in _LISTS.items():
        verbs = commands.add_parser(noun, help=listing.help).add_subparsers(dest="verb", required=True, metavar="VERB")
        add_output_alias(add_signed_in_command(verbs, "list", partial(_list, noun), help=listing.help))
        if noun == "audit":
            add_output_alias(
                add_signed_in_command(
                    verbs, "verify", _verify, help="recompute the hashes of the chain (exit code 1 if it is broken)"
                )
            )


def add_list_command(commands: Any) -> None:
    """Add ``list NOUN``, an alias of ``NOUN list``, without help.

    Args:
        commands: The result of ``ArgumentParser.add_subparsers``.
    """
    parser = add_signed_in_command(commands, "list", lambda plane, options: _list(options.what, plane, options))
    parser.add_argument("what", choices=sorted(_LISTS))
    add_output_alias(parser)


def _list(noun: str, plane: ControlPlane, arguments: argparse.Namespace) -> int:
    listing = _LISTS[noun]
    client, domain_id = _reader(plane, arguments)
    items = list(listing.items(client, domain_id))
    report_result(
        arguments,
        to_json({"items": items}),
        lambda: object_table(listing.rows(client, domain_id, items), listing.columns),
    )
    return 0


def _verify(plane: ControlPlane, arguments: argparse.Namespace) -> int:
    client, domain_id = _reader(plane, arguments)
    verification = to_json(client.audit.verify(domain_id))
    row = {**verification, "valid": str(verification["ok"]).lower()}
    columns = ["valid", "segment_from", "segment_to", "divergent_seq", "expected_hash", "observed_hash"]
    report_result(arguments, verification, lambda: object_table([row], columns))
    return 0 if verification["ok"] else 1


def _reader(plane: ControlPlane, arguments: argparse.Namespace) -> tuple[Client, str]:
    """The API as the chosen user, and the id of the chosen Domain."""
    client = plane.client(plane.credentials.for_reading(arguments.domain, arguments.user))
    return client, plane.domain_id(arguments.domain)


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


@dataclass(frozen=True, kw_only=True)
class _Listing:
    help: str
    items: Callable[[Client, str], Iterable[Any]]
    columns: Sequence[str]
    rows: Callable[[Client, str, Sequence[Any]], Rows] = _members


_LISTS: Final = {
    "audit": _Listing(
        help="show who did what in a Domain",
        items=lambda client, domain: client.audit.entries(domain),
        columns=["seq", "occurred_at", "who", "did", "to", "result", "correlation_id"],
        rows=_who_did_what,
    ),
    "domain": _Listing(
        help="list the Domains that the user can read",
        items=lambda client, _: client.domains.list(),
        columns=["id", "slug", "name", "mesh_cidr"],
    ),
    "domain-idp": _Listing(
        help="list the IdP bindings of a Domain",
        items=lambda client, domain: client.idp_bindings.list(domain_id=domain),
        columns=["id", "issuer", "client_id", "jit_policy", "status", "primary"],
    ),
    "group": _Listing(
        help="list the groups of a Domain",
        items=lambda client, domain: client.groups.list(domain_id=domain),
        columns=["id", "slug", "display_name", "source"],
    ),
    "identity": _Listing(
        help="list the people and service identities of a Domain",
        items=lambda client, domain: client.identities.list(domain),
        columns=["id", "kind", "display_name", "last_sign_in_at"],
    ),
    "node": _Listing(
        help="list the Nodes of a Domain",
        items=lambda client, domain: client.nodes.list(domain_id=domain),
        columns=["id", "domain_id", "created_at"],
    ),
    "project": _Listing(
        help="list the Projects of a Domain",
        items=lambda client, domain: client.projects.list(domain_id=domain),
        columns=["id", "slug", "name", "sub_range_cidr"],
    ),
}
