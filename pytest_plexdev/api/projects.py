"""``/v1/projects``: the Projects of Domains."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class Project(msgspec.Struct, frozen=True, kw_only=True):
    """A Project of a Domain; Nodes register in a Project.

    Example::

        def test_a_project_belongs_to_its_domain(plexdev_tenant, plexdev_project):
            assert plexdev_project.domain_id == plexdev_tenant.domain_id
    """

    id: str
    domain_id: str
    name: str
    slug: str
    created_at: Timestamp
    updated_at: Timestamp
    description: str = ""
    sub_range_cidr: str | None = None


class Projects:
    """The Projects that the principal may see."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        domain_id: str,
        name: str,
        slug: str,
        description: str | None = None,
        sub_range_cidr: str | None = None,
    ) -> Project:
        """Create a Project; *sub_range_cidr* must be inside the Domain's ``mesh_cidr``."""
        body = body_of(
            domain_id=domain_id, name=name, slug=slug, description=description, sub_range_cidr=sub_range_cidr
        )
        return self._transport.request("POST", "/v1/projects", Project, body=body)

    def list(self, *, domain_id: str | None = None) -> Iterator[Project]:
        """Iterate over the Projects, ordered by slug; by default of all Domains."""
        return self._transport.pages("/v1/projects", Project, parameters={"domain_id": domain_id})

    def get(self, project_id: str) -> Project:
        """Read a Project."""
        return self._transport.request("GET", f"/v1/projects/{project_id}", Project)

    def update(
        self,
        project_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        sub_range_cidr: str | None = None,
    ) -> Project:
        """Change the given members. The slug cannot be changed."""
        body = body_of(name=name, description=description, sub_range_cidr=sub_range_cidr)
        return self._transport.request("PATCH", f"/v1/projects/{project_id}", Project, body=body)

    def delete(self, project_id: str) -> None:
        """Delete a Project.

        Raises:
            ProblemError: ``project_not_empty``; ``problem.project_child_counts`` counts its remaining children.
        """
        self._transport.run("DELETE", f"/v1/projects/{project_id}")
