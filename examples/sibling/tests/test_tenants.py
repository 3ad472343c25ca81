"""What one tenant does is invisible to another."""

from __future__ import annotations

from pytest_plexdev import MakePerson, MakeTenant, Project, Tenants


def test_two_tenants_do_not_see_each_other(
    plexdev_make_tenant: MakeTenant,
    plexdev_make_person: MakePerson,
    plexdev_tenants: Tenants,
    plexdev_project: Project,
) -> None:
    other = plexdev_make_tenant()
    admin, beta = plexdev_make_person(roles=["admin"], tenant=other), plexdev_tenants["beta-llc"]

    assert [domain.id for domain in admin.client.domains.list()] == [other.domain_id]
    assert plexdev_project not in list(admin.client.projects.list())
    assert plexdev_project not in list(beta.client.projects.list())
