"""What a change leaves in the database and on NATS."""

from __future__ import annotations

from typing import Any

import psycopg

from pytest_plexdev import Events, FreshTenant, Project


def test_a_change_is_in_the_database(
    plexdev_db: psycopg.Connection[Any], plexdev_tenant: FreshTenant, plexdev_project: Project
) -> None:
    plexdev_tenant.client.projects.update(plexdev_project.id, name="Renamed")

    query = "SELECT name, slug FROM plexsphere.projects WHERE id = %s"
    assert plexdev_db.execute(query, [plexdev_project.id]).fetchone() == ("Renamed", plexdev_project.slug)


def test_a_deletion_is_announced(plexdev_events: Events, plexdev_tenant: FreshTenant, plexdev_project: Project) -> None:
    plexdev_tenant.client.projects.delete(plexdev_project.id)

    event = plexdev_events.wait_for("ProjectDeleted", where=lambda each: each.scope == plexdev_tenant.domain_id)
    assert event.payload["id"] == plexdev_project.id
