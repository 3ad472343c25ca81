"""No credential of a run is in its output or its files."""

from __future__ import annotations

import re

import pytest

SHOWS_SECRETS = """
import json, logging, pathlib, secrets, sys
from urllib.parse import urlsplit
import httpx
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.node_agent import NodeAgent

def note(*secrets):
    with pathlib.Path("../noted").open("a") as noted:
        noted.writelines(f"{secret}\\n" for secret in secrets)

def test_locals(plexdev_stack, plexdev_login, plexdev_client, plexdev_project, plexdev_node, plexdev_db):
    login, other = plexdev_login("acme-corp"), plexdev_login("beta-llc")
    anonymous = plexdev_stack.anonymous
    start = anonymous.auth.sign_in(domain_id=login.domain_id)
    device = anonymous.auth.device_code(domain_id=login.domain_id)
    plexdev_login.approve(device.verification_uri_complete)
    access = anonymous.auth.device_token(device.device_code)
    bootstrap = plexdev_client.bootstrap_tokens.issue(plexdev_project.id)
    cookie = list(start.cookies.values())[0]
    note(login.token, other.token, access.access_token, device.device_code, bootstrap.token, cookie)
    note(start.nonce, start.state, start.code_verifier_handle, plexdev_node.registration.nsk)
    transport, info, url = plexdev_client.transport, plexdev_stack.info, plexdev_stack.database_url
    exchanges = list(plexdev_stack.exchanges)
    http = httpx.Client(headers={"Authorization": f"Bearer {login.token}"}, cookies=start.cookies)
    request, jar = http.build_request("GET", "http://localhost/"), http.cookies
    raw, as_dict = request.headers.raw, {"cookies": start.cookies, "token": login.token}
    print("printed", login.token)
    logging.getLogger("test").warning("logged %s", access.access_token)
    unnamed = [plexdev_node.registration.nsk, device.device_code]
    assert login == other

def test_diff_of_what_has_no_form(plexdev_node):
    note(plexdev_node.registration.nsk)
    assert plexdev_node.registration.nsk == "another"

def test_locals_of_our_frames(plexdev_client, plexdev_project):
    token = plexdev_client.bootstrap_tokens.issue(plexdev_project.id)
    note(token.token)
    NodeAgent.register(plexdev_client, project=plexdev_project, resource_handle=object(), bootstrap_token=token)

def test_sign_in(plexdev_stack, plexdev_login, plexdev_tenants, monkeypatch):
    def cookie(browser, name):
        jar = list(browser._http.cookies.jar)
        note(*(each.value for each in jar))
        return 1 / 0 if len(jar) > 1 else ""

    monkeypatch.setattr(Browser, "cookie", cookie)
    device = plexdev_stack.anonymous.auth.device_code(domain_id=plexdev_tenants["acme-corp"].domain_id)
    plexdev_login.approve(device.verification_uri_complete)

def test_wrong_password(plexdev_login):
    plexdev_login("acme-corp", password=pathlib.Path("../wrong").read_text())

def test_credentials_without_their_names(plexdev_stack, plexdev_login):
    pw, word = (urlsplit(url).password for url in (plexdev_stack.database_url, plexdev_stack.nats_url))
    opaque = secrets.token_hex(20)
    somebody = plexdev_stack.anonymous.as_principal(opaque)
    note(pw, word, opaque)
    known_to_everybody = "plexsphere password test-key"
    print("out", pw, word)
    print("err", pw, known_to_everybody, file=sys.stderr)
    logging.getLogger("test").warning("%s %s %s", pw, word, opaque)
    with plexdev_stack.info.services[0].log.open("a") as log:
        # What is cut to show the end of a log is cut through no secret.
        log.write(f"{pw}\\n" * 1000)
    both = [pw, {"x": word}]
    assert pw == word
"""


def test_no_secret_of_a_run_is_in_what_it_shows_and_keeps(project: pytest.Pytester) -> None:
    (project.path.parent / "wrong").write_text("a-password-of-nobody-7")
    project.makepyfile(test_secrets=SHOWS_SECRETS)
    arguments = ["-l", "-vv", "-rA", "--log-level=DEBUG", "--junitxml=junit.xml", "--plexdev-report=report.html"]
    result = project.runpytest_subprocess("-p", "no:randomly", "-k", "secrets", *arguments)

    result.assert_outcomes(failed=6)
    secrets = {*(project.path.parent / "noted").read_text().split(), "a-password-of-nobody-7"}
    assert len(secrets) >= 18
    kept = [project.path / "junit.xml", project.path / "report.html", *project.path.glob(".plexdev/*/*[!.]*")]
    shown = {str(path): path.read_text() for path in kept}
    shown["the terminal"] = f"{result.stdout}{result.stderr}"
    assert len(shown) > 10
    assert [(name, secret) for name, text in shown.items() for secret in secrets if secret[-12:] in text] == []
    assert [name for name, text in shown.items() if re.search(r"//\w+:(?!\*\*\*)\S+@|password += '(?!\*)", text)] == []
    # Useful parts are kept, and so are the public values of the runbook.
    result.stdout.fnmatch_lines(["pw *= '[*][*][*]'", "word *= '[*][*][*]'"])
    result.stdout.fnmatch_lines(["err [*][*][*] plexsphere password test-key"])
    result.stdout.fnmatch_lines(["E *token: 'psk_[*][*][*]????' != 'psk_[*][*][*]????'"])
    result.stdout.fnmatch_lines(["transport *= Transport('http://localhost:*', as psk_[*][*][*])"])


SHOWS_SECRETS_OF_ITS_OWN_STACK = """
import pathlib
from urllib.parse import urlsplit
import pytest

@pytest.fixture
def fails_afterwards():
    shown = []
    yield shown
    print("after its stack has ended", *shown)
    raise ValueError(*shown)

def test_with_another_one(fails_afterwards, plexdev_stack, plexdev_own_stack):
    fails_afterwards.append(urlsplit(plexdev_own_stack.database_url).password)
    pathlib.Path("../noted").write_text(*fails_afterwards)
    print("while it runs", *fails_afterwards)

def test_alone(fails_afterwards, plexdev_own_stack):
    fails_afterwards.append(urlsplit(plexdev_own_stack.database_url).password)
    pathlib.Path("../noted-too").write_text(*fails_afterwards)
"""


def test_no_secret_of_an_own_stack_is_shown_after_its_end(
    project: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    summary = project.path / "summary.md"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    project.makepyfile(test_own=SHOWS_SECRETS_OF_ITS_OWN_STACK)
    result = project.runpytest_subprocess("-p", "no:randomly", "-l", "-rA", "--junitxml=junit.xml", "test_own.py")

    result.assert_outcomes(passed=2, errors=2)
    result.stdout.fnmatch_lines(["E *ValueError: [*][*][*]", "while it runs [*][*][*]", "E *ValueError: [*][*][*]"])
    assert summary.read_text().count("ValueError: ***") == 2
    secrets = [(project.path.parent / name).read_text() for name in ("noted", "noted-too")]
    kept = [summary, project.path / "junit.xml", *project.path.glob(".plexdev/*/*[!.]*")]
    shown = [path.read_text() for path in kept] + [str(result.stdout), str(result.stderr)]
    assert [text for text in shown for secret in secrets if secret in text] == []
