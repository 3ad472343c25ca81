"""The fixture ``plexdev_secrets`` on an embedded stack of the profile ``full``, with the real OpenBao."""

from __future__ import annotations

import importlib.util

import pytest

from tests.support.missing_package import conftest_without

TESTS = """
import pathlib
import secrets

import pytest

from pytest_plexdev import PlexdevError, ProblemError

SEEDED = "/domains/01985a00-0000-7000-8000-00000000ac01/dex"
paths = []

def test_acme_signs_in_with_the_seeded_secret(plexdev_secrets, plexdev_stack, plexdev_tenants):
    acme = plexdev_tenants["acme-corp"]
    binding = acme.client.idp_bindings.get(acme.binding_id)
    assert binding.client_secret_ref == f"openbao:{SEEDED[1:]}#client_secret"
    assert plexdev_secrets.read(SEEDED) == {"client_secret": "plexsphere-test-secret"}
    assert plexdev_stack.info.profile == "full"

def test_a_tenant_signs_in_with_a_secret_of_the_test(plexdev_secrets, plexdev_tenant):
    own = plexdev_secrets.of_domain(plexdev_tenant.domain_id)
    plexdev_tenant.rebind(client_secret_ref=own.reference("idp", "client_secret"))
    with pytest.raises(PlexdevError) as refused:
        plexdev_tenant.login
    assert "client_secret_ref names no secret that it may use" in str(refused.value)
    own.write("idp", {"client_secret": "plexsphere-test-secret"})
    assert plexdev_tenant.login.whoami().domain_id == plexdev_tenant.domain_id
    paths.append("/" + own.path("idp"))

def test_what_a_test_wrote_is_gone_after_it(plexdev_secrets):
    with pytest.raises(PlexdevError) as missing:
        plexdev_secrets.read(paths[0])
    assert missing.value.tag == "secret-missing"

def test_a_wrong_secret_is_refused_by_the_identity_provider(plexdev_secrets, plexdev_login):
    plexdev_secrets.write(SEEDED, {"client_secret": "wrong-0123456789"})
    with pytest.raises(PlexdevError) as refused:
        plexdev_login("acme-corp", user="member@example.com")
    assert "the identity provider of this IdP binding cannot be used" in str(refused.value)

def test_the_seeded_secret_is_back(plexdev_login):
    assert plexdev_login("acme-corp", user="member@example.com").whoami().principal_type == "user"

@pytest.mark.parametrize("slug", ["beta-llc", "gamma-coop"])
def test_the_other_tenants_sign_in_too(plexdev_secrets, plexdev_login, plexdev_tenants, slug):
    assert plexdev_login(slug).whoami().domain_id == plexdev_tenants[slug].domain_id

def test_a_node_reads_a_secret_of_its_project(plexdev_secrets, plexdev_node):
    project = plexdev_node.project
    path = f"/domains/{project.domain_id}/projects/{project.id}/db-password"
    plexdev_secrets.write(path, {"value": "the-first-of-two"})
    plexdev_secrets.write(path, {"value": "the-second-of-two"})
    assert plexdev_node.read_secret("db-password") == "the-second-of-two"
    assert plexdev_node.read_secret("db-password", version=1) == "the-first-of-two"
    with pytest.raises(ProblemError) as missing:
        plexdev_node.read_secret("another")
    assert missing.value.code == "secret_not_found"

def test_another_domain_s_secret_is_refused(plexdev_secrets, plexdev_tenant):
    with pytest.raises(ProblemError) as refused:
        plexdev_tenant.rebind(client_secret_ref=f"openbao:{SEEDED[1:]}#client_secret")
    assert (refused.value.status, refused.value.code) == (400, "invalid_idp_binding")
    assert plexdev_tenant.login.whoami().domain_id == plexdev_tenant.domain_id

def test_a_failing_test_shows_no_secret(plexdev_secrets):
    opaque = secrets.token_hex(20)
    pathlib.Path("../noted").write_text(opaque)
    plexdev_secrets.write("db", {"password": opaque})
    print("printed", plexdev_secrets.read("db"))
    unnamed = [opaque]
    assert unnamed == []
"""


@pytest.fixture(autouse=True)
def _wheels() -> None:
    if importlib.util.find_spec("hvac") is None:
        pytest.skip("the extra full is not installed")


def test_a_run_uses_the_secrets_of_its_stack(project: pytest.Pytester) -> None:
    project.makepyfile(test_secrets=TESTS)
    result = project.runpytest_subprocess("-p", "no:randomly", "test_secrets.py", "-l", "-vv", "-rA")

    result.assert_outcomes(passed=9, failed=1)
    result.stdout.fnmatch_lines(["FAILED test_secrets.py::test_a_failing_test_shows_no_secret*"])
    shown = [str(result.stdout), *(path.read_text() for path in project.path.glob(".plexdev/*/*.md"))]
    opaque = (project.path.parent / "noted").read_text()
    assert [text for text in shown if opaque[-12:] in text] == []


def test_without_the_client_the_extra_is_named(project: pytest.Pytester) -> None:
    project.makepyfile(test_secrets="def test_it(plexdev_secrets): pass")
    project.makeconftest(conftest_without("hvac"))
    result = project.runpytest_subprocess("test_secrets.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*plexdev[[]extra-missing[]]: the package hvac is not installed; the extra full *"])
