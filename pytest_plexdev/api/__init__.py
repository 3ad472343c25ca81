"""A typed client for ``/v1``: one module per surface. Unknown members of responses are ignored."""

from __future__ import annotations

from pytest_plexdev.api.artifacts import Artifacts
from pytest_plexdev.api.audit import Audit
from pytest_plexdev.api.auth import Auth
from pytest_plexdev.api.bootstrap_tokens import BootstrapTokens
from pytest_plexdev.api.domains import Domains
from pytest_plexdev.api.groups import Groups
from pytest_plexdev.api.identities import Identities
from pytest_plexdev.api.idp_bindings import IdpBindings
from pytest_plexdev.api.invitations import Invitations
from pytest_plexdev.api.labels import LabelDefinitions
from pytest_plexdev.api.meta import Meta
from pytest_plexdev.api.nodes import Nodes
from pytest_plexdev.api.observability import Observability
from pytest_plexdev.api.projects import Projects
from pytest_plexdev.api.resources import Resources
from pytest_plexdev.api.transport import Transport

__all__ = ["Client", "Transport"]


class Client:
    """The ``/v1`` API as one principal.

    Every call raises :class:`~pytest_plexdev.api.problems.ProblemError` if the API refuses the request, and
    :class:`~pytest_plexdev.errors.PlexdevError` if it does not answer.

    Attributes:
        artifacts: Releases of the agent.
        audit: Who was granted or refused what, as hash chains.
        auth: ``whoami``, the device-code flow, sign-in and sign-out.
        bootstrap_tokens: The tokens by which Nodes register.
        domains: Domains, which are tenants, with their reachability policies.
        groups: Groups of Identities.
        identities: The people and service identities of Domains.
        idp_bindings: The identity providers of Domains.
        invitations: Invitations with the relations that they give.
        label_definitions: The labels that Domains permit.
        meta: The API's version.
        nodes: Nodes, their heartbeats and reachability, and the mesh.
        observability: Telemetry of Nodes: what they send, and queries.
        projects: Projects of Domains.
        resources: The machines on which Nodes register.
        transport: Sends the requests, also those that no surface has.

    Example::

        def test_the_operator_sees_acme(plexdev_client):
            domains = plexdev_client.domains.list()
            assert "acme-corp" in [domain.slug for domain in domains]
    """

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        self.artifacts = Artifacts(transport)
        self.audit = Audit(transport)
        self.auth = Auth(transport)
        self.bootstrap_tokens = BootstrapTokens(transport)
        self.domains = Domains(transport)
        self.groups = Groups(transport)
        self.identities = Identities(transport)
        self.idp_bindings = IdpBindings(transport)
        self.invitations = Invitations(transport)
        self.label_definitions = LabelDefinitions(transport)
        self.meta = Meta(transport)
        self.nodes = Nodes(transport)
        self.observability = Observability(transport)
        self.projects = Projects(transport)
        self.resources = Resources(transport)

    def as_principal(self, token: str | None) -> Client:
        """The same API over the same connections, as another principal; ``None`` for anonymous requests."""
        return Client(self.transport.as_principal(token))

    def __repr__(self) -> str:
        return f"Client({self.transport.base_url!r})"
