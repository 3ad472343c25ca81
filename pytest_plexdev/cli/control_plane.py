"""The control plane of the running stack, for commands that speak ``/v1``; with plexctl's exit codes."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pytest_plexdev.cli.completers import domains, people
from pytest_plexdev.cli.output import CommandError, Parser, add_json
from pytest_plexdev.cli.stack_parser import add_stack_choice
from pytest_plexdev.core.lookup import hint, nearest
from pytest_plexdev.errors import DOMAIN_UNKNOWN, SERVER_GONE, PlexdevError
from pytest_plexdev.errors.sign_in import NO_BINDING, NOT_SIGNED_IN

if TYPE_CHECKING:
    from pytest_plexdev.api import Client
    from pytest_plexdev.api.problems import ProblemError
    from pytest_plexdev.cli.credentials import Credential, Credentials
    from pytest_plexdev.core.model import SeededTenant
    from pytest_plexdev.testkit.stack import Stack

DEFAULT_DOMAIN: Final = "acme-corp"
Command: TypeAlias = "Callable[[ControlPlane, argparse.Namespace], int]"
"""A command of a control plane: it returns the exit code."""


def add_command(subparsers: Any, name: str, command: Command, **texts: str) -> Parser:
    """Add a command of the control plane, with the options that all of them have.

    Args:
        subparsers: The result of ``ArgumentParser.add_subparsers``.
        texts: The texts of its help.
    """
    parser: Parser = subparsers.add_parser(name, **texts)
    parser.set_defaults(run=_guarded(command))
    add_stack_choice(parser)
    add_json(parser)
    return parser


def add_signed_in_command(subparsers: Any, name: str, command: Command, **texts: str) -> Parser:
    """Add a command that needs a login, and the options that choose the login."""
    parser = add_command(subparsers, name, command, **texts)
    parser.add_argument(
        "--domain", metavar="SLUG", completer=domains, help="Domain to use; default: the one of the last login"
    )
    parser.add_argument(
        "--user", metavar="EMAIL", completer=people, help="user to act as; default: the last one who signed in"
    )
    return parser


def exit_code_of(error: ProblemError) -> int:
    """Return plexctl's exit code: 3 for 401, 77 for a ReBAC denial, 4 for another 403 or a 404, else 1."""
    if error.status == 401:
        return 3
    if error.status == 403 and error.code in {"permission_denied", "rebac_denied", "insufficient_relation"}:
        return 77
    return 4 if error.status in {403, 404} else 1


def _guarded(command: Command) -> Callable[[argparse.Namespace], int]:
    """Wrap *command*: attach to the running stack, and convert an error of the API into a message and an exit code."""

    def run(arguments: argparse.Namespace) -> int:
        from pytest_plexdev.api.problems import ProblemError

        arguments.json = arguments.json or getattr(arguments, "output", "text") == "json"
        plane = _attach(arguments.stack)
        try:
            return command(plane, arguments)
        except ProblemError as error:
            raise CommandError(error.code or "refused", str(error), exit_code=exit_code_of(error)) from None
        finally:
            plane.stack.close()

    return run


@dataclass(frozen=True)
class ControlPlane:
    """The control plane of the running stack, and the stored credentials for it."""

    stack: Stack
    credentials: Credentials
    seeded: Mapping[str, SeededTenant]
    """The seeded Domains by slug."""

    @property
    def anonymous(self) -> Client:
        """The API without credentials."""
        return self.stack.anonymous

    def client(self, credential: Credential) -> Client:
        """The API as the user of *credential*."""
        return self.anonymous.as_principal(credential.token)

    def domain_id(self, slug: str | None) -> str:
        """The id of a Domain that the user has signed in to, that is seeded, or that the current principal can read.

        Raises:
            PlexdevError: ``domain-unknown``.
        """
        known = self.credentials.domain_id(slug)
        if known is None and slug is not None and slug in self.seeded:
            known = self.seeded[slug].domain_id
        if known is not None:
            return known
        visible = self._visible()
        if slug is None or slug not in visible:
            raise _domain_unknown(str(slug), [*self.seeded, *(each for each in visible if each not in self.seeded)])
        return visible[slug]

    def credential(self, slug: str | None, user: str | None) -> Credential:
        """The credential of a login.

        Raises:
            PlexdevError: ``domain-unknown``, ``not-signed-in``, ``untrusted-path``.
        """
        if slug is not None:
            self.domain_id(slug)  # an unknown Domain is its own error, not a missing sign-in
        return self.credentials.of(slug, user)

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
        """The id of the IdP binding for a sign-in to a Domain.

        Raises:
            PlexdevError: ``no-binding``, ``domain-unknown``.
        """
        if slug in self.seeded:
            return self.seeded[slug].binding_id
        bindings = self.anonymous.auth.idp_bindings(domain_id=self.domain_id(slug))
        if not bindings:
            raise PlexdevError(NO_BINDING, domain=slug)
        return bindings[0].id


def _domain_unknown(slug: str, known: Sequence[str]) -> PlexdevError:
    meant = nearest(slug, known)
    fix = f"plexdev login --domain {meant or (known[0] if known else DEFAULT_DOMAIN)}"
    found = ", ".join(known) or "none"
    return PlexdevError(DOMAIN_UNKNOWN, slug=slug, found=f"{found} ({hint(slug, known)})" if meant else found, fix=fix)


def _attach(chosen: str | None) -> ControlPlane:
    from pytest_plexdev.cli import attach
    from pytest_plexdev.cli.credentials import Credentials
    from pytest_plexdev.core.paths import state_directory
    from pytest_plexdev.testkit.stack import Stack
    from pytest_plexdev.testkit.tenancy import seeded

    attached = attach.find_usable(chosen)
    stack = Stack(attached.info, attached.provider, death=SERVER_GONE)
    tenants = {tenant.slug: tenant for tenant in seeded(stack)}
    return ControlPlane(stack, Credentials(state_directory(), attached.info, default=DEFAULT_DOMAIN), tenants)
