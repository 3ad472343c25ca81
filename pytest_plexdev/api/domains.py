"""``/v1/domains``: the tenants of the control plane."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class ReachabilityPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """The times after which a silent Node is stale and unreachable, as Go durations.

    The contract's minimum is 10s/30s/60s, its default 30s/90s/300s. ``stale_after`` is at least three intervals,
    ``unreachable_after`` at least twice ``stale_after``.

    Example::

        from pytest_plexdev import FASTEST_POLICY

        def test_a_domain_takes_the_fastest_policy(plexdev_tenant):
            domains = plexdev_tenant.client.domains
            domain = domains.update(plexdev_tenant.domain_id, reachability=FASTEST_POLICY)
            assert domain.reachability.stale_after == "30s"
    """

    heartbeat_interval: str = "30s"
    stale_after: str = "90s"
    unreachable_after: str = "300s"


FASTEST_POLICY = ReachabilityPolicy(heartbeat_interval="10s", stale_after="30s", unreachable_after="60s")
"""The fastest policy that the contract allows."""


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """A Domain: a tenant of the control plane with its own range of mesh addresses.

    Example::

        def test_a_new_domain_has_its_own_address_range(plexdev_tenant):
            domain = plexdev_tenant.client.domains.get(plexdev_tenant.domain_id)
            assert domain.mesh_cidr.endswith("/48")
    """

    id: str
    name: str
    slug: str
    mesh_cidr: str
    reachability: ReachabilityPolicy
    created_at: Timestamp
    updated_at: Timestamp
    description: str = ""
    region: str | None = None


class Domains:
    """The Domains that the principal may see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        name: str,
        slug: str,
        mesh_cidr: str,
        description: str | None = None,
        region: str | None = None,
        reachability: ReachabilityPolicy | None = None,
    ) -> Domain:
        """Create a Domain. Only a platform operator may do this.

        Raises:
            ProblemError: ``domain_slug_conflict``, ``mesh_cidr_overlap`` (with any other Domain), ``invalid_domain``.
        """
        body = body_of(
            name=name,
            slug=slug,
            mesh_cidr=mesh_cidr,
            description=description,
            region=region,
            reachability=reachability,
        )
        return self._transport.request("POST", "/v1/domains", Domain, body=body)

    def list(self) -> Iterator[Domain]:
        """Iterate over the Domains, ordered by slug."""
        return self._transport.pages("/v1/domains", Domain)

    def get(self, domain_id: str) -> Domain:
        """Read a Domain."""
        return self._transport.request("GET", f"/v1/domains/{domain_id}", Domain)

    def update(
        self,
        domain_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        region: str | None = None,
        mesh_cidr: str | None = None,
        reachability: ReachabilityPolicy | None = None,
    ) -> Domain:
        """Change the given members. The slug cannot be changed."""
        body = body_of(
            name=name, description=description, region=region, mesh_cidr=mesh_cidr, reachability=reachability
        )
        return self._transport.request("PATCH", f"/v1/domains/{domain_id}", Domain, body=body)

    def delete(self, domain_id: str) -> None:
        """Delete a Domain.

        Raises:
            ProblemError: ``domain_not_empty``; ``problem.child_counts`` counts its remaining children.
        """
        self._transport.run("DELETE", f"/v1/domains/{domain_id}")
