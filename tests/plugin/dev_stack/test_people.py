"""People of a test: what they may, and what is left of them."""

from __future__ import annotations

import pytest

from pytest_plexdev.core.model import StackInfo

ROLES = """
import pytest
from pytest_plexdev import ProblemError

def test_roles_are_those_of_the_test(plexdev_make_person, plexdev_tenant, plexdev_project, plexdev_make_project):
    client, other = plexdev_tenant.client, plexdev_make_project()
    group = client.groups.create(domain_id=plexdev_tenant.domain_id, slug="ops", display_name="Ops")
    viewer = plexdev_make_person(roles=[("viewer", plexdev_project), ("member", group)])
    admin = plexdev_make_person(roles="admin")
    assert viewer.client.projects.get(plexdev_project.id) == plexdev_project
    projects = viewer.client.projects
    for call in (lambda: projects.get(other.id), lambda: projects.delete(plexdev_project.id)):
        with pytest.raises(ProblemError, match="permission_denied"):
            call()
    admin.client.projects.delete(other.id)
    assert {viewer.id, admin.id} <= {each.id for each in client.identities.list(plexdev_tenant.domain_id)}

def test_without_roles_one_may_nothing(plexdev_make_person, plexdev_tenant):
    with pytest.raises(ProblemError, match="permission_denied"):
        plexdev_make_person().client.domains.get(plexdev_tenant.domain_id)
"""
NAMES = """
import pytest

@pytest.mark.parametrize("email", ["ada@example.com", "ada@example.com", "member@example.com", "admin@example.com"])
def test_a_name_is_used_again(plexdev_make_person, plexdev_tenant, plexdev_login, email):
    before = plexdev_login(plexdev_tenant, user=email) if email != "ada@example.com" else None
    person = plexdev_make_person(email, roles=["member"])
    assert person.email == email
    assert person.client.domains.get(plexdev_tenant.domain_id) == plexdev_tenant.domain
    assert before is None or before.whoami().subject == person.id
"""
LEFT = """
import pytest
from pytest_plexdev import PlexdevError, ProblemError

people = []

def test_that_fails(plexdev_make_person):
    people.append(plexdev_make_person().email)
    raise RuntimeError("on purpose")

def test_the_user_is_gone(plexdev_login, plexdev_tenant):
    with pytest.raises(PlexdevError, match="sign-in-refused"):
        plexdev_login(plexdev_tenant, user=people[0])

def test_an_empty_address_is_refused(plexdev_make_person):
    with pytest.raises(ProblemError, match="400 "):
        plexdev_make_person("", roles="member")

def test_a_role_that_is_none_creates_nobody(plexdev_make_person, plexdev_login, plexdev_tenant):
    with pytest.raises(ProblemError, match="relation/permission `owner` not found"):
        plexdev_make_person("grace@example.com", roles=["owner"])
    with pytest.raises(PlexdevError, match="sign-in-refused"):
        plexdev_login(plexdev_tenant, user="grace@example.com")
"""
FIXED = """
import dataclasses
import pytest
from pytest_plexdev import Stack

@pytest.fixture(autouse=True)
def without_the_api(plexdev_stack, monkeypatch):
    endpoints = dataclasses.replace(plexdev_stack.info.endpoints, dex_api=None)
    monkeypatch.setattr(plexdev_stack, "info", dataclasses.replace(plexdev_stack.info, endpoints=endpoints))

def test_a_new_user(plexdev_make_person):
    plexdev_make_person("ada@example.com")

def test_a_seeded_user(plexdev_make_person):
    plexdev_make_person("member@example.com", roles=["member"])
"""


def test_people_may_what_their_roles_say(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_roles=ROLES)

    project.runpytest_subprocess("--dev-stack", "test_roles.py").assert_outcomes(passed=2)


def test_tests_at_once_use_the_same_names(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_names=NAMES)

    project.runpytest_subprocess("--dev-stack", "-n", "2", "test_names.py").assert_outcomes(passed=4)


def test_the_user_is_deleted_after_a_failure(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_left=LEFT)

    project.runpytest_subprocess("--dev-stack", "test_left.py").assert_outcomes(passed=3, failed=1)


def test_where_no_user_can_be_created_it_skips(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_fixed=FIXED)

    result = project.runpytest_subprocess("--dev-stack", "-rs", "test_fixed.py")

    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*SKIPPED*creates no users, and has no ada@example.com; pass the address of a user*"])
