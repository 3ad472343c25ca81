"""The dependencies of the handlers, built once at start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plexsphere_reference.artifacts.blob_store import BlobStore
    from plexsphere_reference.authz.model import Authorizer
    from plexsphere_reference.client_secrets import ClientSecrets
    from plexsphere_reference.http.metrics import Metrics
    from plexsphere_reference.http.probes import Probes
    from plexsphere_reference.observability.parts import Observability
    from plexsphere_reference.oidc import RelyingParty
    from plexsphere_reference.openbao import OpenBao
    from plexsphere_reference.reachability import Evaluator
    from plexsphere_reference.settings import Settings
    from plexsphere_reference.signer.client import SignerClient
    from plexsphere_reference.store.audit import AuditLog
    from plexsphere_reference.store.audit_verification import AuditVerifier
    from plexsphere_reference.store.credentials import Credentials
    from plexsphere_reference.store.database import Database
    from plexsphere_reference.store.domains import Domains
    from plexsphere_reference.store.wrong_user_codes import WrongUserCodes


@dataclass(frozen=True, kw_only=True)
class Plane:
    """The parts of a running API."""

    settings: Settings
    database: Database
    authorizer: Authorizer
    audit: AuditLog
    audit_verifier: AuditVerifier
    credentials: Credentials
    domains: Domains
    probes: Probes
    metrics: Metrics
    observability: Observability | None
    signer: SignerClient | None
    evaluator: Evaluator
    relying_party: RelyingParty
    openbao: OpenBao | None
    client_secrets: ClientSecrets
    wrong_user_codes: WrongUserCodes
    blob_store: BlobStore | None
