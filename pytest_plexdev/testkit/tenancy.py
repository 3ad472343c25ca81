"""Tenants: Domains with their admin, IdP binding and logged-in client; the seeded ones by slug."""

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
from pytest_plexdev.core.seed import RUNBOOK_SQL, seeded_of
from pytest_plexdev.errors import SEED_MISSING, UNKNOWN_NAME, PlexdevError
from pytest_plexdev.testkit.login import Login, Logins
from pytest_plexdev.testkit.stack import BOOTSTRAP, Stack, where_logged

OPERATOR_SLUG: Final = "acme-corp"
"""The Domain of the runbook whose admin is a platform operator, where the seed is not known."""


class Tenant:
    """A Domain with its admin, its IdP binding and a logged-in client.

    Nothing is asked before it is needed: of a seeded tenant only ids are known at first.

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
        """The id of its active IdP binding."""
        return self._seeded.binding_id

    @property
    def admin(self) -> str:
        """The name of its admin at the identity provider."""
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
        """The Domain, as the API answers it to the admin."""
        return self.client.domains.get(self.domain_id)

    def __repr__(self) -> str:
        return f"Tenant({self.slug!r}, domain_id={self.domain_id!r})"


class FreshTenant(Tenant):
    """A Domain made for one test. Its admin is the operator who created it; ``client`` is that operator.

    ``login`` is another principal: the same person signed in to this Domain through its own binding.

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
        return self._operator

    @cached_property
    def domain(self) -> Domain:
        return self._domain


class _SeedMissing(PlexdevError, KeyError):
    """A KeyError too, as a mapping's is: ``Tenants.get`` answers ``None``."""

    __str__ = PlexdevError.__str__  # KeyError's would print the text as a literal


class Tenants(Mapping[str, Tenant]):
    """The seeded tenants by slug.

    Args:
        tenants: The tenants.
        log: What to read where there are none: the bootstrap's log.
        operator: Whose admin may create Domains, where that is known.
        run_mark: Which run the Domains belong to that are created for its tests.

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
        """The tenant whose admin may create Domains: the first platform operator of the seed.

        Where the seed is not known it is acme-corp, as in the runbook. Of a seed without platform operators it is the
        first Domain, and the API refuses its admin whatever only an operator may do.

        Raises:
            PlexdevError: ``seed-missing``: nothing is seeded.
        """
        return self._operator or self[OPERATOR_SLUG]


def seeded_tenants(stack: Stack, logins: Logins, *, run_mark: str | None = None) -> Tenants:
    """The seeded tenants of a stack, ready to log in."""
    known = seeded(stack)
    tenants = {tenant.slug: Tenant(tenant, logins) for tenant in known}
    operator = _operator(known, tenants, logins)
    return Tenants(tenants, log=where_logged(stack.info, BOOTSTRAP), operator=operator, run_mark=run_mark)


def _operator(known: Sequence[SeededTenant], tenants: Mapping[str, Tenant], logins: Logins) -> Tenant | None:
    operating = next((tenant for tenant in known if tenant.operator), None)
    if operating is None:
        return tenants.get(OPERATOR_SLUG) or next(iter(tenants.values()), None)
    if operating.operator == operating.admin:
        return tenants[operating.slug]
    return Tenant(replace(operating, admin=operating.operator), logins)


def seeded(stack: Stack) -> tuple[SeededTenant, ...]:
    """What is seeded; read from Postgres, with the runbook's query, where the provider did not say."""
    return stack.info.tenants or _read_from_postgres(stack)


def _read_from_postgres(stack: Stack) -> tuple[SeededTenant, ...]:
    from pytest_plexdev.testkit.database import connect

    with connect(stack) as connection:
        return seeded_of(connection.execute(RUNBOOK_SQL).fetchall())
