"""``plexdev login``, ``whoami`` and ``list``: the control plane from a shell, with plexctl's output and exit codes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.cli.output import CommandError, add_json, report_result
from pytest_plexdev.cli.stack_parser import add_stack_choice
from pytest_plexdev.core.lookup import hint, nearest
from pytest_plexdev.errors import DOMAIN_UNKNOWN, SERVER_GONE, PlexdevError
from pytest_plexdev.errors.sign_in import NO_BINDING, NOT_SIGNED_IN

if TYPE_CHECKING:
    from pytest_plexdev.api import Client
    from pytest_plexdev.api.problems import ProblemError
    from pytest_plexdev.cli.credentials import Credential, Credentials
    from pytest_plexdev.testkit.stack import Stack

DEFAULT_DOMAIN: Final = "acme-corp"


def add_control_plane_commands(subparsers: Any) -> None:
    """Add the commands.

    Each sets ``run``: a function of the parsed arguments that returns the exit code or raises ``PlexdevError``.

    Args:
        subparsers: The result of ``ArgumentParser.add_subparsers``.
    """
    login = subparsers.add_parser("login", help="sign in to the running stack with a device code")
    login.add_argument(
        "--domain", default=DEFAULT_DOMAIN, metavar="SLUG", help="Domain to sign in to; default: %(default)s"
    )
    login.add_argument("--auto", action="store_true", help="approve as the seeded user, without a browser")
    login.set_defaults(run=_guarded(_login))

    whoami = subparsers.add_parser("whoami", help="show the signed-in user")
    whoami.set_defaults(run=_guarded(_whoami))

    lists = subparsers.add_parser("list", help="list objects of the control plane")
    lists.add_argument("what", choices=sorted(_LISTS))
    lists.set_defaults(run=_guarded(_list))

    for parser in (login, whoami, lists):
        add_stack_choice(parser)
        add_json(parser)
    for parser in (whoami, lists):
        parser.add_argument("--domain", metavar="SLUG", help="Domain to use; default: the one of the last login")
        # The earlier option for JSON, which only these two had.
        parser.add_argument("--output", choices=("text", "json"), default="text", help=argparse.SUPPRESS)


def exit_code_of(error: ProblemError) -> int:
    """Return plexctl's exit code: 3 for 401, 77 for a ReBAC denial, 4 for another 403 or a 404, else 1."""
    if error.status == 401:
        return 3
    if error.status == 403 and error.code in {"permission_denied", "rebac_denied", "insufficient_relation"}:
        return 77
    return 4 if error.status in {403, 404} else 1


def _guarded(command: Callable[[_ControlPlane, argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """Wrap *command*: attach to the running stack, and convert an error of the API into a message and an exit code."""

    def run(arguments: argparse.Namespace) -> int:
        from pytest_plexdev.api.problems import ProblemError

        arguments.json = arguments.json or getattr(arguments, "output", "text") == "json"
        plane = _attach_control_plane(arguments.stack)
        try:
            return command(plane, arguments)
        except ProblemError as error:
            raise CommandError(error.code or "refused", str(error), exit_code=exit_code_of(error)) from None
        finally:
            plane.stack.close()

    return run


@dataclass(frozen=True)
class _ControlPlane:
    """The control plane of the running stack, and the stored credentials for it."""

    stack: Stack
    credentials: Credentials
    seeded: Mapping[str, tuple[str, str]]
    """Domain id and binding id by slug."""

    @property
    def anonymous(self) -> Client:
        return self.stack.anonymous

    def client(self, credential: Credential) -> Client:
        return self.anonymous.as_principal(credential.token)

    def domain_id(self, slug: str | None) -> str:
        """The id of a Domain that the user has signed in to, that is seeded, or that the current principal can read."""
        known = self.credentials.domain_id(slug)
        if known is None and slug is not None and slug in self.seeded:
            known, _ = self.seeded[slug]
        if known is not None:
            return known
        visible = self._visible()
        if slug is None or slug not in visible:
            raise _domain_unknown(str(slug), [*self.seeded, *(each for each in visible if each not in self.seeded)])
        return visible[slug]

    def _visible(self) -> Mapping[str, str]:
        """The ids of the Domains that the current principal can read, by slug; empty without a sign-in."""
        try:
            credential = self.credentials.of(None)
        except PlexdevError as error:
            if error.failure is not NOT_SIGNED_IN:
                raise
            return {}
        return {domain.slug: domain.id for domain in self.client(credential).domains.list()}

    def binding_id(self, slug: str) -> str:
        """The id of the IdP binding for a sign-in to a Domain."""
        if slug in self.seeded:
            return self.seeded[slug][1]
        bindings = self.anonymous.auth.idp_bindings(domain_id=self.domain_id(slug))
        if not bindings:
            raise PlexdevError(NO_BINDING, domain=slug)
        return bindings[0].id


def _domain_unknown(slug: str, known: Sequence[str]) -> PlexdevError:
    meant = nearest(slug, known)
    fix = f"plexdev login --domain {meant or (known[0] if known else DEFAULT_DOMAIN)}"
    found = ", ".join(known) or "none"
    return PlexdevError(DOMAIN_UNKNOWN, slug=slug, found=f"{found} ({hint(slug, known)})" if meant else found, fix=fix)


def _attach_control_plane(chosen: str | None) -> _ControlPlane:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.cli.credentials import Credentials
    from pytest_plexdev.core.paths import state_directory
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import seeded

    attached = attach.find_usable(chosen)
    stack = Stack(attached.info, attached.provider, death=SERVER_GONE)
    tenants = {tenant.slug: (tenant.domain_id, tenant.binding_id) for tenant in seeded(stack)}
    return _ControlPlane(stack, Credentials(state_directory(), attached.info, default=DEFAULT_DOMAIN), tenants)


def _login(plane: _ControlPlane, arguments: argparse.Namespace) -> int:
    from pytest_plexdev.cli.credentials import Credential
    from pytest_plexdev.testkit.device_poll import DevicePoll
    from pytest_plexdev.testkit.login import approve
    from pytest_plexdev.testkit.stack import API, log_location

    slug = arguments.domain
    domain_id = plane.domain_id(slug)
    device = plane.anonymous.auth.device_code(domain_id=domain_id, idp_binding_id=plane.binding_id(slug))
    if arguments.auto:
        approve(plane.anonymous, device.verification_uri_complete, log=log_location(plane.stack.info, API))
    else:
        # With --json, standard output has nothing but the object.
        output = sys.stderr if arguments.json else sys.stdout
        output.write(f"Open {device.verification_uri_complete}\nand approve the code {device.user_code}\n")
        output.flush()
    token = DevicePoll(plane.anonymous).wait(device)
    plane.credentials.save(slug, Credential(domain_id, token.access_token))
    server = plane.anonymous.transport.base_url
    result = {"domain": slug, "domain_id": domain_id, "server": server}
    report_result(arguments, result, lambda: f"signed in to {slug} at {server}")
    return 0


def _whoami(plane: _ControlPlane, arguments: argparse.Namespace) -> int:
    if arguments.domain is not None:
        plane.domain_id(arguments.domain)  # an unknown Domain is its own error, not a missing sign-in
    me = plane.client(plane.credentials.of(arguments.domain)).auth.whoami()
    row = {
        "principal": me.principal_type,
        "email": me.email,
        "subject": me.subject,
        "domain": me.domain_id,
        "acr": me.acr,
        "amr": ",".join(me.amr),
    }
    report_result(arguments, _to_json(me), lambda: _table([row], list(row)))
    return 0


def _list(plane: _ControlPlane, arguments: argparse.Namespace) -> int:
    listing = _LISTS[arguments.what]
    client = plane.client(plane.credentials.for_reading(arguments.domain))
    items = list(listing.items(client, plane.domain_id(arguments.domain)))
    report_result(
        arguments,
        _to_json({"items": items}),
        lambda: _table([_to_json(item) for item in items], listing.columns),
    )
    return 0


@dataclass(frozen=True)
class _Listing:
    items: Callable[[Client, str], Iterator[Any]]
    columns: Sequence[str]


_LISTS: Final = {
    "audit": _Listing(
        lambda client, domain: client.audit.entries(domain),
        ["seq", "occurred_at", "reason", "relation", "correlation_id"],
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


def _to_json(value: object) -> Any:
    import msgspec

    return _without_none(msgspec.to_builtins(value))


def _without_none(value: Any) -> Any:
    """JSON without the members that are ``None``, which the API omitted."""
    if isinstance(value, dict):
        return {name: _without_none(member) for name, member in value.items() if member is not None}
    return [_without_none(item) for item in value] if isinstance(value, list) else value


def _table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Format a table like plexctl: columns in capitals, ``-`` for missing values."""
    from pytest_plexdev.core.tables import table

    cells = [[column.upper() for column in columns]]
    cells += [["-" if row.get(column) in (None, "") else str(row[column]) for column in columns] for row in rows]
    return table(cells)
