"""Who may do what, and who did it."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from pytest_plexdev import FreshTenant, MakePerson, ProblemError, Project, Stack, assert_problem


def test_a_viewer_may_read_and_may_not_delete(plexdev_make_person: MakePerson, plexdev_project: Project) -> None:
    viewer = plexdev_make_person(roles=[("viewer", plexdev_project)])

    assert viewer.client.projects.get(plexdev_project.id) == plexdev_project
    with pytest.raises(ProblemError) as refusal:
        viewer.client.projects.delete(plexdev_project.id)
    assert_problem(refusal, 403, "permission_denied")


def test_one_person_sees_what_another_changed(plexdev_make_person: MakePerson, plexdev_project: Project) -> None:
    admin = plexdev_make_person(roles=[("admin", plexdev_project)])
    viewer = plexdev_make_person(roles=[("viewer", plexdev_project)])

    admin.client.projects.update(plexdev_project.id, description="sold out")

    assert viewer.client.projects.get(plexdev_project.id).description == "sold out"


def test_the_audit_log_says_who_was_refused(
    plexdev_make_person: MakePerson, plexdev_tenant: FreshTenant, plexdev_project: Project
) -> None:
    auditor, stranger = plexdev_make_person(roles=["auditor"]), plexdev_make_person()

    with pytest.raises(ProblemError) as refusal:
        stranger.client.projects.get(plexdev_project.id)

    (entry,) = auditor.client.audit.entries(plexdev_tenant.domain_id, correlation_id=refusal.value.correlation_id)
    assert (entry.subject.identity_id_ref, entry.reason) == (stranger.id, "insufficient_relation")


def test_my_cli_prints_the_projects_of_its_user(
    plexdev_stack: Stack, plexdev_make_person: MakePerson, plexdev_project: Project
) -> None:
    viewer = plexdev_make_person(roles=[("viewer", plexdev_project)])
    variables = {
        "MY_API": plexdev_stack.api_url,
        "MY_DOMAIN": plexdev_project.domain_id,
        "MY_TOKEN": viewer.login.token,
    }

    command = [sys.executable, "-m", "my_cli"]
    printed = subprocess.run(command, env=os.environ | variables, check=True, capture_output=True, text=True).stdout

    assert printed == f"{plexdev_project.slug}\n"
