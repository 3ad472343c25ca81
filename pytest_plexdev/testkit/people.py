"""Create people for tests: users of the identity provider, invited to a tenant with relations of one's choice."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import pytest

from pytest_plexdev.api import Client
from pytest_plexdev.api.groups import Group
from pytest_plexdev.api.invitations import InitialTuple
from pytest_plexdev.api.projects import Project
from pytest_plexdev.core.extras import need
from pytest_plexdev.core.people import PEOPLE
from pytest_plexdev.core.unique_slugs import unique_slug
from pytest_plexdev.dex_api.client import DexApi
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.tests import USERS_FIXED
from pytest_plexdev.testkit.login import Login, Logins
from pytest_plexdev.testkit.stack import Stack
from pytest_plexdev.testkit.tenancy import FreshTenant

Role: TypeAlias = str | tuple[str, Project | Group]
"""A relation to the tenant's Domain, or a relation and the Project or Group that it is to."""

_PASSWORD_HASH: Final = "$2a$10$2b2cU8CPhOTaGrs1HRQuAueS7JTT5ZHsHSzYiFPm1leZck7Mc8T4W"  # noqa: S105 (the public password of the dev stack)


@dataclass(frozen=True, kw_only=True)
class Person:
    """A user of the identity provider who is signed in to a tenant, with the relations that the test chose.

    Attributes:
        email: The name at the identity provider. The password is that of all users of the dev stack, ``password``.
        login: The login to the tenant.

    Example::

        def test_a_stranger_may_not_even_read(plexdev_make_person, plexdev_http, plexdev_tenant):
            stranger = plexdev_make_person()
            response = plexdev_http(stranger.login).get(f"/v1/domains/{plexdev_tenant.domain_id}")
            assert response.status_code == 403
    """

    email: str
    login: Login

    @property
    def client(self) -> Client:
        """The ``/v1`` API as this person."""
        return self.login.client

    @property
    def id(self) -> str:
        """The id of the person's Identity in the tenant, as the API returns it."""
        return self.login.whoami().subject


class MakePerson(Protocol):
    """Creates a person, and deletes their user at the identity provider after the test.

    Example::

        import pytest
        from pytest_plexdev import ProblemError

        def test_an_auditor_reads_the_audit_log_and_a_member_does_not(plexdev_make_person, plexdev_tenant):
            auditor, member = plexdev_make_person(roles=["auditor"]), plexdev_make_person(roles=["member"])
            assert list(auditor.client.audit.entries(plexdev_tenant.domain_id))
            with pytest.raises(ProblemError, match="permission_denied"):
                list(member.client.audit.entries(plexdev_tenant.domain_id))
    """

    def __call__(
        self, email: str | None = None, *, roles: Sequence[Role] = (), tenant: FreshTenant | None = None
    ) -> Person:
        """Create the person, invite them and sign them in.

        Args:
            email: By default a unique address. Tests that run at once may use the same one: it is the same user, with
                the relations of each test in its own tenant. A user with a given address is kept as long as the stack.
            roles: A relation to the tenant's Domain (``"member"``), or several, which may also be to its Projects or
                Groups (``("viewer", project)``). By default none: the person may do nothing.
            tenant: By default the test's ``plexdev_tenant``.

        Raises:
            ProblemError: The API refused a role: 400 ``invalid_body`` if there is no such relation, 422
                ``invitation_object_out_of_scope`` if the Project or Group is not the tenant's.
            PlexdevError: ``idp-users``, ``extra-missing``, and those of :class:`Logins`.
        """


def create_person(
    stack: Stack,
    logins: Logins,
    tenant: FreshTenant,
    *,
    email: str | None,
    roles: Sequence[Role],
    on_created: Callable[[str], object],
) -> Person:
    """Create a person. Skips the test if the user is not there and the stack's identity provider creates none.

    Args:
        on_created: Called with the address of a user whom no other test can know.
    """
    # By the API first: a role that it refuses leaves no user behind.
    address = f"{unique_slug('person')}@example.com" if email is None else email
    _skip_if_users_are_fixed(stack, address)
    # A text is a sequence too: of its letters.
    chosen = [roles] if isinstance(roles, str) else roles
    tenant.client.invitations.create(
        tenant.domain_id, external_subject=address, initial_tuples=[_initial_tuple(each, tenant) for each in chosen]
    )
    if address not in PEOPLE:
        _create_user(stack, address)
        if email is None:
            on_created(address)
    # Renewed: who is signed in already would otherwise not accept the invitation.
    return Person(email=address, login=logins(tenant, user=address, renew=True))


def delete_user(stack: Stack, email: str) -> None:
    """Delete a user at the identity provider."""
    with DexApi(_target(stack)) as users:
        users.delete_user(email)


def _create_user(stack: Stack, email: str) -> None:
    need(stack.info.provider, "grpc", "google.protobuf")
    with DexApi(_target(stack)) as users:
        name = email.partition("@")[0]
        users.create_user(email, password_hash=_PASSWORD_HASH, username=name, user_id=str(uuid.uuid4()))


def _skip_if_users_are_fixed(stack: Stack, email: str) -> None:
    if email not in PEOPLE and stack.users_api is None:
        reason = PlexdevError(USERS_FIXED, provider=stack.info.provider, user=email, users=" and ".join(PEOPLE))
        pytest.skip(f"{reason.headline}; {reason.fix}")


def _target(stack: Stack) -> str:
    target = stack.users_api
    assert target is not None, "checked when the person was created"
    return target


def _initial_tuple(role: Role, tenant: FreshTenant) -> InitialTuple:
    if isinstance(role, str):
        return InitialTuple(relation=role, object=f"domain:{tenant.domain_id}")
    relation, about = role
    return InitialTuple(relation=relation, object=f"{'project' if isinstance(about, Project) else 'group'}:{about.id}")
