"""The commands that use a running stack."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.stack.embedded.settings import WARM_ID
from tests.support.kubeconfigs import old_context


def test_a_command_says_what_it_passes_over(
    stack: StackInfo,
    state: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(old_context(tmp_path / "old", "https://[::1")))

    for command in (["status"], ["env"], ["logs", "nats"], ["login", "--auto"]):
        code, _, err = run(capsys, *command)
        assert (code, err.count("plexdev: passed over: plexdev[kubeconfig-unusable]: ")) == (0, 1), command
    assert run(capsys, "wait", "--timeout", "5")[0] == 0
    assert run(capsys, "status", "--stack", "kind")[0] == 1
    for kept in (state / "credentials").glob("*.json"):
        kept.unlink()


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_commands_before_a_login(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "whoami")

    assert (code, out) == (3, "")
    assert f"plexdev[not-signed-in]: no user is signed in to acme-corp at {stack.endpoints.api}" in err


def test_login_whoami_and_lists(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "login", "--auto")
    assert code == 0
    assert out.startswith(f"signed in to acme-corp at {stack.endpoints.api} as admin@example.com until 2")
    (kept,) = (state / "credentials").glob("*.json")
    assert kept.stat().st_mode & 0o777 == 0o600

    code, out, _ = run(capsys, "whoami")
    header, row = out.splitlines()
    assert header.split() == ["PRINCIPAL", "EMAIL", "SUBJECT", "DOMAIN", "ACR", "AMR"]
    acme = next(tenant for tenant in stack.tenants if tenant.slug == "acme-corp")
    assert re.fullmatch(rf"user\s+admin@example.com  \S{{36}}  {acme.domain_id}  -\s+-", row)

    for noun in ("domain", "domain-idp", "project", "identity", "audit", "group", "node"):
        code, out, err = run(capsys, noun, "list", "--json")
        assert (code, err) == (0, "")
        assert isinstance(json.loads(out)["result"]["items"], list)
        assert "null" not in out.replace('"error": null', "")
    assert json.loads(run(capsys, "whoami", "--output", "json")[1])["result"]["email"] == "admin@example.com"
    code, out, _ = run(capsys, "identity", "list")
    assert out.splitlines()[0].split() == ["ID", "KIND", "DISPLAY_NAME", "LAST_SIGN_IN_AT"]
    assert len(out.splitlines()) >= 2


def test_list_noun_is_noun_list(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")

    assert run(capsys, "list", "domain") == run(capsys, "domain", "list")


def test_the_chain_is_verified(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    code, out, _ = run(capsys, "audit", "verify")

    header, row = out.splitlines()
    columns = ["VALID", "SEGMENT_FROM", "SEGMENT_TO", "DIVERGENT_SEQ", "EXPECTED_HASH", "OBSERVED_HASH"]
    assert (code, header.split()) == (0, columns)
    assert re.fullmatch(r"true +1 +[1-9]\d* +- +- +-", row)


def test_whoami_of_a_domain_needs_a_login_to_that_domain(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    code, out, err = run(capsys, "whoami", "--domain", "gamma-coop")

    assert (code, out) == (3, "")
    assert err.splitlines()[0].startswith("plexdev[not-signed-in]: no user is signed in to gamma-coop at ")
    assert err.splitlines()[-1] == "  fix: plexdev login --domain gamma-coop"


def test_a_dead_api_is_named_and_a_new_stack_knows_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PLEXDEV_STATE_DIR", str(tmp_path))
    first = EmbeddedProvider(EmbeddedSettings(id=WARM_ID), tmp_path / WARM_ID).up(lambda _: None).info
    run(capsys, "login", "--auto")
    os.kill(next(service.pid for service in first.services if service.name == "plexsphere" and service.pid), 9)
    code, _, err = run(capsys, "whoami")

    assert code == 1
    assert err.startswith("plexdev[server-gone]: plexsphere of the running stack ended with SIGKILL\n")
    assert err.splitlines()[-1].endswith(
        "plexsphere.log; then: plexdev down --stack embedded && plexdev up --port 0 --idp-port 0"
    )

    port = urlsplit(first.endpoints.api).port
    assert port is not None
    again = EmbeddedProvider(EmbeddedSettings(id=WARM_ID, api_port=port), tmp_path / WARM_ID)
    second = again.up(lambda _: None).info
    code, _, err = run(capsys, "whoami")
    again.down(second)

    assert second.endpoints.api == first.endpoints.api
    assert (code, err.splitlines()[0].split(":")[0]) == (3, "plexdev[not-signed-in]")


def test_another_domain_is_refused_with_plexctls_codes(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    assert run(capsys, "identity", "list", "--domain", "beta-llc")[0] == 0

    code, _, err = run(capsys, "audit", "list", "--domain", "gamma-coop")
    assert code == 77
    assert err.startswith("plexdev[permission_denied]: GET /v1/domains/")

    code, _, err = run(capsys, "group", "list", "--domain", "nowhere")
    assert code == 4
    assert "plexdev[domain-unknown]: you may see no Domain nowhere" in err
    assert "why: you may see acme-corp, beta-llc, gamma-coop" in err


def test_a_slip_in_a_domains_name_is_answered_with_the_nearest(
    stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # Signed in to another Domain, to none, and with --json.
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    for _ in range(2):
        code, _, err = run(capsys, "login", "--domain", "acme", "--auto")
        assert code == 4
        assert "why: you may see acme-corp, beta-llc, gamma-coop" in err
        assert err.endswith("(did you mean acme-corp?)\n  fix: plexdev login --domain acme-corp\n")
        code, _, err = run(capsys, "whoami", "--domain", "acme")
        assert (code, err.splitlines()[-1]) == (4, "  fix: plexdev login --domain acme-corp")
        for kept in (state / "credentials").glob("*.json"):
            kept.unlink()
    code, out, err = run(capsys, "login", "--domain", "nosuch", "--json")
    assert (code, err) == (4, "")
    assert json.loads(out)["error"]["tag"] == "domain-unknown"


def test_a_refusal_of_the_api_is_an_object_too(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto", "--domain", "beta-llc")
    code, out, err = run(capsys, "audit", "list", "--domain", "gamma-coop", "--json")

    document = json.loads(out)
    assert (code, err, document["exit_code"], document["ok"]) == (77, "", 77, False)
    assert document["error"]["tag"] == "permission_denied"


def test_a_revoked_credential_is_code_3(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    (kept,) = (state / "credentials").glob("*.json")
    kept.write_text(re.sub(r'"token":"[^"]*"', '"token":"psk_dev_aaaa_bbbb"', kept.read_text()))

    code, _, err = run(capsys, "whoami")
    assert code == 3
    assert err.startswith("plexdev[unauthenticated]: GET /v1/auth/whoami -> 401")
