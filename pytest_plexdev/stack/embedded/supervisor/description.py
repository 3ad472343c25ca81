"""Describe a stack that is ready, in its ``stack.json``."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from pytest_plexdev.core.model import Endpoints, Phase, SeededTenant, Service, StackInfo
from pytest_plexdev.core.phases import Phases
from pytest_plexdev.core.profiles import FURTHER_SERVERS, OPERATORS
from pytest_plexdev.core.seeded_domains import tenants_in
from pytest_plexdev.core.yaml_text import load_yaml
from pytest_plexdev.stack.embedded.servers import control_plane
from pytest_plexdev.stack.embedded.settings import WARM_ID, options_of_up
from pytest_plexdev.stack.embedded.supervisor.plan import Plan

_CLUSTER_ONLY: Final = (*OPERATORS, "gateway")
"""Services of the product's dev stack that need a cluster."""
_PROGRAMS: Final = (control_plane.SIGNER, control_plane.API, control_plane.BOOTSTRAP)
ORDER: Final = ("postgres", "nats", "dex", "spicedb", *FURTHER_SERVERS, *_PROGRAMS)
"""The services of an embedded stack, in the order of ``plexdev status``."""


def describe(plan: Plan, services: Mapping[str, Service], phases: Phases) -> StackInfo:
    """Describe a stack that has become ready now.

    Args:
        phases: Those of its bring-up.
    """
    addresses = plan.addresses
    return StackInfo(
        provider="embedded",
        id=plan.settings.id,
        directory=plan.layout.directory,
        endpoints=Endpoints(
            api=addresses.api_url,
            issuer=addresses.issuer,
            dex_api=addresses.idp_api_endpoint,
            database=addresses.database_url,
            nats=addresses.nats_url,
            signer=addresses.signer_endpoint,
            spicedb=addresses.spicedb_endpoint,
            spicedb_key=addresses.credentials.spicedb if addresses.spicedb_endpoint else None,
            further=addresses.further_urls,
            credentials=addresses.further_credentials,
        ),
        started_at=time.time(),
        services=tuple(services[name] for name in ORDER if name in services),
        profile=plan.settings.profile,
        left_out=(
            *(name for name in FURTHER_SERVERS if name not in plan.further),
            *_CLUSTER_ONLY,
        ),
        phases=(*phases.done, Phase(name="all", seconds=phases.seconds)),
        tenants=_tenants(plan),
        capabilities=frozenset({"age-heartbeat"}),
        options=options_of_up(plan.settings) if plan.settings.id == WARM_ID else (),
    )


def _tenants(plan: Plan) -> tuple[SeededTenant, ...]:
    manifest: dict[str, Any] = load_yaml(control_plane.manifest_file(plan.layout.directory).read_text(encoding="utf-8"))
    return tenants_in(manifest)
