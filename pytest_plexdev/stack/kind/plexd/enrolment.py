"""The enrolment of plexd: the Resource and bootstrap token that it registers with, and the Node that it becomes."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from pytest_plexdev.api import Client
from pytest_plexdev.api.bootstrap_tokens import BootstrapToken
from pytest_plexdev.api.problems import ProblemError
from pytest_plexdev.api.projects import Project
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.provider import Observer
from pytest_plexdev.core.unique_slugs import unique_slug
from pytest_plexdev.errors import SERVER_GONE
from pytest_plexdev.kube import KubeClient
from pytest_plexdev.kube.resources import SECRET, KubeObject
from pytest_plexdev.stack.kind.constants import NAMESPACE
from pytest_plexdev.testkit.login import Logins
from pytest_plexdev.testkit.stack import API, Stack, log_location
from pytest_plexdev.testkit.tenancy import seeded_tenants

DOMAIN: Final = "acme-corp"
"""The Domain of the Node (runbook)."""
PROJECT: Final = "plexd"
SECRET_NAME: Final = "plexd-bootstrap"  # noqa: S105 (its name, as in plexd's own manifests)
_TOKEN: Final = "plexdev.plexsphere.com/bootstrap-token"  # noqa: S105 (the annotation with its id)
_NODE: Final = "plexdev.plexsphere.com/node"
_TOKEN_LIVES_S: Final = 900
"""Longer than a bring-up, and short: a token that nothing registered with is left behind."""
_UNKNOWN: Final = frozenset({403, 404})
"""Authorisation comes first: an object that does not exist may be denied rather than not found."""


@dataclass(frozen=True, kw_only=True)
class Enrolment:
    """What plexd registers with, as its Secret has it.

    Attributes:
        token_id: The id of the token.
        node_id: The Node that registered with the token; empty before.
    """

    project_id: str
    resource_handle: str
    token: str = field(repr=False)
    token_id: str
    node_id: str = ""

    @classmethod
    def read(cls, client: KubeClient) -> Enrolment | None:
        """Read the Secret; ``None`` if it is missing or ``plexdev`` did not fill it in."""
        secret = client.get(SECRET, SECRET_NAME, NAMESPACE)
        marks = ((secret or {}).get("metadata") or {}).get("annotations") or {}
        if secret is None or _TOKEN not in marks:
            return None
        data = {name: base64.b64decode(text).decode() for name, text in (secret.get("data") or {}).items()}
        return cls(
            project_id=data["project-id"],
            resource_handle=data["resource-handle"],
            token=data["token"],
            token_id=marks[_TOKEN],
            node_id=marks.get(_NODE, ""),
        )

    def fill_in(self, item: KubeObject) -> KubeObject:
        """Put it into the Secret among the rendered objects; any other object is returned as it is."""
        if item["kind"] != "Secret" or item["metadata"]["name"] != SECRET_NAME:
            return item
        marks = {_TOKEN: self.token_id, **({_NODE: self.node_id} if self.node_id else {})}
        data = {"token": self.token, "project-id": self.project_id, "resource-handle": self.resource_handle}
        return {**item, "metadata": {**item["metadata"], "annotations": marks}, "stringData": data}


class ControlPlane:
    """The API as the admin of the Node's Domain.

    Args:
        client: The API as this principal.
        domain_id: The Domain.
    """

    def __init__(self, client: Client, domain_id: str) -> None:
        self._client = client
        self._domain_id = domain_id

    def enrol(self) -> Enrolment:
        """Adopt a Resource and issue a token for it.

        Raises:
            ProblemError: The API refused.
        """
        project = self._project()
        handle = unique_slug(PROJECT)
        self._client.resources.adopt(project.id, external_ref=handle)
        issued = self._client.bootstrap_tokens.issue(project.id, ttl_seconds=_TOKEN_LIVES_S)
        return Enrolment(project_id=project.id, resource_handle=handle, token=issued.token, token_id=issued.token_id)

    def token(self, enrolment: Enrolment) -> BootstrapToken | None:
        """Read the token; ``None`` if the API does not know it, for example because its database was replaced."""
        try:
            return self._client.bootstrap_tokens.get(enrolment.project_id, enrolment.token_id)
        except ProblemError as error:
            if error.status not in _UNKNOWN:
                raise
            return None

    def registered(self, enrolment: Enrolment) -> Enrolment:
        """Add the Node that registered with the token; unchanged if none has.

        The contract does not name it. Registering spends the token and creates the Node in one transaction, so it is
        the Node whose creation is nearest.
        """
        token = self.token(enrolment)
        if token is None or token.consumed_at is None:
            return enrolment
        spent = token.consumed_at
        nodes = self._client.nodes.list(domain_id=self._domain_id)
        nearest = min(nodes, key=lambda node: abs((node.created_at - spent).total_seconds()), default=None)
        return enrolment if nearest is None else replace(enrolment, node_id=nearest.id)

    def reachability(self, enrolment: Enrolment) -> str | None:
        """Read the state of the Node; ``None`` if there is none, or the API does not know it any more."""
        if not enrolment.node_id:
            return None
        try:
            return self._client.nodes.reachability(enrolment.node_id).state
        except ProblemError as error:
            if error.status not in _UNKNOWN:
                raise
            return None

    def _project(self) -> Project:
        projects = self._client.projects.list(domain_id=self._domain_id)
        known = next((each for each in projects if each.slug == PROJECT), None)
        return known or self._client.projects.create(domain_id=self._domain_id, name="plexd", slug=PROJECT)


@contextmanager
def signed_in(info: StackInfo, provider: Observer) -> Iterator[ControlPlane]:
    """Sign the seeded admin in, by the device-code flow.

    Raises:
        PlexdevError: ``seed-missing``, ``unknown-name``: the seed has no such Domain; an error of the sign-in.
    """
    stack = Stack(info, provider, death=SERVER_GONE)
    try:
        with TemporaryDirectory(prefix="plexdev-") as directory:
            logins = Logins(stack.anonymous, Path(directory), log=log_location(info, API))
            tenant = seeded_tenants(stack, logins)[DOMAIN]
            yield ControlPlane(tenant.client, tenant.domain_id)
    finally:
        stack.close()
