"""``plexdev_oidc`` on a running stack."""

from __future__ import annotations

import re

import pytest

from pytest_plexdev.core.model import StackInfo
from tests.support.missing_package import conftest_without

SIGN_INS = """
import pytest
from pytest_plexdev import OidcTokens, PlexdevError

def test_a_person(plexdev_oidc, plexdev_stack):
    tokens = plexdev_oidc("member@example.com")
    assert isinstance(tokens, OidcTokens)
    assert tokens.claims["email"] == "member@example.com"
    assert tokens.claims["iss"] == plexdev_stack.issuer
    assert plexdev_oidc.validate(tokens.id_token) == tokens.claims

def test_the_person_is_the_one_who_signs_in_to_a_tenant(plexdev_oidc, plexdev_make_person):
    person = plexdev_make_person(roles=["member"])
    assert plexdev_oidc(person.email).claims["email"] == person.email

def test_a_wrong_password(plexdev_oidc):
    with pytest.raises(PlexdevError, match="sign-in-refused"):
        plexdev_oidc(password="wrong")

@pytest.fixture(scope="module")
def tokens(plexdev_oidc):
    return plexdev_oidc()

def test_a_fixture_of_the_module(tokens):
    assert tokens.claims["name"] == "admin"
"""
FAILS = """
def test_fails(plexdev_oidc):
    tokens = plexdev_oidc("admin@example.com")
    print("printed", tokens.access_token)
    assert tokens.id_token == ""
"""


def test_programs_sign_in_by_themselves(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_sign_ins=SIGN_INS)

    result = project.runpytest_subprocess("--dev-stack", "test_sign_ins.py")
    result.assert_outcomes(passed=4)


def test_the_evidence_shows_the_sign_in_without_its_secrets(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_fails=FAILS)
    result = project.runpytest_subprocess("--dev-stack", "-l", "test_fails.py")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "printed eyJ[*][*][*]",
            "*plexdev HTTP exchanges*",
            "??:??:?? POST http://localhost:*/dex/auth/local/login?back=&state=[*][*][*] -> 303*",
            "*-d 'login=admin%40example.com&password=[*][*][*]'",
            "??:??:?? POST http://localhost:*/dex/token -> 200 in * ms",
            "  curl http://localhost:*/dex/token -H 'Authorization: Basic [*][*][*]' *",
            "*&code_verifier=[*][*][*]&code=[*][*][*]'",
        ]
    )
    shown = [str(result.stdout), *(path.read_text() for path in project.path.glob(".plexdev/**/*.md"))]
    assert [text for text in shown if re.search(r"eyJ[\w-]{20}", text)] == []


def test_without_authlib_the_extra_is_named(project: pytest.Pytester, stack: StackInfo) -> None:
    project.makepyfile(test_oidc="from pytest_plexdev import Oidc\ndef test_it(plexdev_oidc: Oidc): pass")
    project.makeconftest(conftest_without("authlib"))
    result = project.runpytest_subprocess("--dev-stack", "test_oidc.py")

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        ["*plexdev[[]extra-missing[]]: the package authlib is not installed; the extra oidc includes it"]
    )
