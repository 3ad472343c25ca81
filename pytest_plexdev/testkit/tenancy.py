"""Tenants: Domains with admin, IdP binding and logged-in client, and the mapping of the seeded ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from pytest_plexdev.api import Client
from pytest_plexdev.api.domains import Domain
from pytest_plexdev.api.idp_bindings import IdpBinding
from pytest_plexdev.core.lookup import name_facts
from pytest_plexdev.core.model import SeededTenant
from pytest_plexdev.core.seeded_domains import RUNBOOK_SQL, seeded_of
from pytest_plexdev.errors import SEED_MISSING, UNKNOWN_NAME, PlexdevError
from pytest_plexdev.testkit.login import Login, Logins
from pytest_plexdev.testkit.stack import BOOTSTRAP, Stack, log_location

OPERATOR_SLUG: Final = "acme-corp"
"""The Domain of the runbook whose admin is a platform operator. Used if the seed is unknown."""


class Tenant:
    """A Domain with its admin, its IdP binding and a logged-in client.

    The login and the Domain are requested on first use.

    Example::

        def test_an_admin_sees_the_own_domain(plexdev_tenants):
            acme = plexdev_tenants["acme-corp"]
            assert acme.login.whoami().domain_id == acme.domain_id
    """

    def __init__(self, seeded: SeededTenant, logins: Logins) -> None:
        self._seeded = seeded
        self._logins = logins

    @property
    def slug(self) -> str:
        """The Domain's slug."""
        return self._seeded.slug

    @property
    def domain_id(self) -> str:
        """The Domain's id."""
        return self._seeded.domain_id

    @property
    def binding_id(self) -> str:
        """The id of the Domain's active IdP binding."""
        return self._seeded.binding_id

    @property
    def admin(self) -> str:
        """The name of the Domain's admin at the identity provider."""
        return self._seeded.admin

    @cached_property
    def login(self) -> Login:
        """The admin's login, by the device-code flow."""
        return self._logins(self)

    @property
    def client(self) -> Client:
        """The ``/v1`` API as the admin."""
        return self.login.client

    @cached_property
    def domain(self) -> Domain:
        """The Domain, as the API returns it to the admin."""
        return self.client.domains.get(self.domain_id)

    def __repr__(self) -> str:
        return f"Tenant({self.slug!r}, domain_id={self.domain_id!r})"


class FreshTenant(Tenant):
    """A Domain created for one test. Its admin is the operator who created it, and ``client`` is that operator.

    The operator is the same principal for all fresh tenants, and sees all of them. ``login`` is another principal: the
    same user, signed in to this Domain through its own binding, without any relation to it. For people who see and do
    what their roles in this Domain allow, use ``plexdev_make_person``.

    Example::

        def test_the_domain_is_bound_to_an_identity_provider(plexdev_tenant):
            binding = plexdev_tenant.client.idp_bindings.get(plexdev_tenant.binding_id)
            assert binding.domain_id == plexdev_tenant.domain_id
    """

    def __init__(self, domain: Domain, binding: IdpBinding, operator: Client, logins: Logins) -> None:
        super().__init__(SeededTenant(slug=domain.slug, domain_id=domain.id, binding_id=binding.id), logins)
        self._domain = domain
        self.binding = binding
        self._operator = operator

    @property
    def client(self) -> Client:
        """The ``/v1`` API as the operator who created the Domain."""
        return self._operator

    @cached_property
    def domain(self) -> Domain:
        """The Domain as it was created."""
        return self._domain

    def rebind(self, *, client_secret_ref: str) -> IdpBinding:
        """Replace the IdP binding by one with another client secret; ``login`` then signs in through that one.

        Args:
            client_secret_ref: Names the secret, for example what ``DomainSecrets.reference`` returns.

        Raises:
            ProblemError: 400 ``invalid_idp_binding``: the Domain may not use this reference.
        """
        old, bindings = self.binding, self.client.idp_bindings
        # Of one issuer a Domain has one active binding.
        bindings.set_status(old.id, "deactivated")
        try:
            self.binding = bindings.create(
                domain_id=self.domain_id,
                issuer=old.issuer,
                client_id=old.client_id,
                client_secret_ref=client_secret_ref,
                discovery_url=old.discovery_url,
            )
        except BaseException:
            bindings.set_status(old.id, "active")
            raise
        self._seeded = replace(self._seeded, binding_id=self.binding.id)
        self.__dict__.pop("login", None)
        return self.binding


class _SeedMissing(PlexdevError, KeyError):
    """Also a ``KeyError``, so that ``Tenants.get`` returns ``None``."""

    __str__ = PlexdevError.__str__  # KeyError's prints the repr of the text


class Tenants(Mapping[str, Tenant]):
    """The seeded tenants by slug.

    Args:
        tenants: The tenants.
        log: The bootstrap's log, for errors: its path or the command that prints it.
        operator: The tenant whose admin can create Domains, if it is known.
        run_mark: The mark of the run, for the Domains that its tests create.

    Example::

        def test_the_seed_has_three_tenants(plexdev_tenants):
            assert set(plexdev_tenants) == {"acme-corp", "beta-llc", "gamma-coop"}
    """

    def __init__(
        self,
        tenants: Mapping[str, Tenant],
        *,
        log: str,
        operator: Tenant | None = None,
        run_mark: str | None = None,
    ) -> None:
        self.run_mark = run_mark
        self._tenants = dict(tenants)
        self._log = log
        self._operator = operator

    def __getitem__(self, slug: str) -> Tenant:
        if slug in self._tenants:
            return self._tenants[slug]
        if self._tenants:
            raise _SeedMissing(UNKNOWN_NAME, **name_facts("the stack", "seeded Domain", slug, list(self._tenants)))
        raise _SeedMissing(SEED_MISSING, slug=slug, found="no seeded Domain at all", log=self._log)

    def __contains__(self, slug: object) -> bool:
        return slug in self._tenants

    def __iter__(self) -> Iterator[str]:
        return iter(self._tenants)

    def __len__(self) -> int:
        return len(self._tenants)

    @property
    def operator(self) -> Tenant:
        """The tenant whose admin can create Domains: the first platform operator of the seed.

        If the seed is unknown, it is acme-corp, as in the runbook. If the seed has no platform operator, it is the
        first Domain, and the API denies its admin the operations of an operator.

        Raises:
            PlexdevError: ``seed-missing``: nothing is seeded.
        """
        return self._operator or self[OPERATOR_SLUG]


def seeded_tenants(stack: Stack, logins: Logins, *, run_mark: str | None = None) -> Tenants:
    """Return the seeded tenants of a stack.

    Raises:
        PlexdevError: The seed had to be read from the database, and that failed.
    """
    known = seeded(stack)
    tenants = {tenant.slug: Tenant(tenant, logins) for tenant in known}
    operator = _operator(known, tenants, logins)
    return Tenants(tenants, log=log_location(stack.info, BOOTSTRAP), operator=operator, run_mark=run_mark)


def _operator(known: Sequence[SeededTenant], tenants: Mapping[str, Tenant], logins: Logins) -> Tenant | None:
    operating = next((tenant for tenant in known if tenant.operator), None)
    if operating is None:
        return tenants.get(OPERATOR_SLUG) or next(iter(tenants.values()), None)
    if operating.operator == operating.admin:
        return tenants[operating.slug]
    return Tenant(replace(operating, admin=operating.operator), logins)


def seeded(stack: Stack) -> tuple[SeededTenant, ...]:
    """Return the seeded tenants. If the provider does not know them, read them with the runbook's query."""
    return stack.info.tenants or _read_from_postgres(stack)


def _read_from_postgres(stack: Stack) -> tuple[SeededTenant, ...]:
    from pytest_plexdev.testkit.database import connect

    with connect(stack) as connection:
        return seeded_of(connection.execute(RUNBOOK_SQL).fetchall())
