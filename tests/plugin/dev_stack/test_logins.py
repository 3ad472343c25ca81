"""Several people signed in from one shell: their tokens, and what the audit says of them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from pytest_plexdev.cli import main
from pytest_plexdev.core.model import StackInfo
from pytest_plexdev.core.people import PEOPLE, SIGN_IN

ADMIN, MEMBER = PEOPLE


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main.main(arguments)
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def run_json(capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    code, out, err = run(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    result: dict[str, Any] = json.loads(out)["result"]
    return result


def email_of(stack: StackInfo, token: str) -> object:
    """The user whom the API takes the bearer of *token* for."""
    url = f"{stack.endpoints.api}/v1/auth/whoami"
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, trust_env=False)
    return answer.raise_for_status().json()["email"]


@pytest.fixture(autouse=True)
def _nobody(state: Path, stack: StackInfo) -> None:
    for file in (state / "credentials").glob("*.json"):
        file.unlink()


def test_a_token_is_all_that_is_printed(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")

    code, out, err = run(capsys, "token")

    assert (code, err) == (0, "")
    assert re.fullmatch(r"psk_\S+\n", out)
    assert email_of(stack, out.strip()) == ADMIN


def test_each_person_keeps_the_own_login(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    for user in PEOPLE:
        assert f" as {user} until " in run(capsys, "login", "--user", user)[1]

    tokens = {user: run(capsys, "token", "--user", user)[1].strip() for user in PEOPLE}

    assert {user: email_of(stack, token) for user, token in tokens.items()} == {ADMIN: ADMIN, MEMBER: MEMBER}
    assert run(capsys, "token")[1].strip() == tokens[MEMBER]  # the last one who signed in
    assert run_json(capsys, "whoami", "--user", ADMIN)["email"] == ADMIN
    assert run(capsys, "audit", "list", "--user", ADMIN)[0] == 0
    assert run(capsys, "audit", "list", "--user", MEMBER)[0] == 77


def test_who_is_not_signed_in_is_named_with_the_command(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    code, out, err = run(capsys, "token", "--user", MEMBER)

    assert (code, out) == (3, "")
    assert err.startswith(f"plexdev[not-signed-in]: {MEMBER} is not signed in to acme-corp at {stack.endpoints.api}\n")
    assert err.endswith(f"  fix: plexdev login --domain acme-corp --user {MEMBER}\n")


def test_a_person_who_does_not_exist_is_refused(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = run(capsys, "login", "--user", "adnim@example.com")

    assert code == 3
    assert "fix: did you mean admin@example.com?" in err
    assert run(capsys, "token")[0] == 3


def test_an_expired_login_is_none(stack: StackInfo, state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--auto")
    assert run(capsys, "token")[0] == 0
    (file,) = (state / "credentials").glob("*.json")
    file.write_text(re.sub(r'"expires_at":[\d.]+', '"expires_at":1.5', file.read_text()))

    assert run(capsys, "token")[:2] == (3, "")


def test_json_says_as_whom_and_until_when(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    login = run_json(capsys, "login", "--user", MEMBER, "--domain", "beta-llc")
    token = run_json(capsys, "token")

    assert (login["domain"], login["server"], login["user"]) == ("beta-llc", stack.endpoints.api, MEMBER)
    assert "token" not in login
    assert datetime.fromisoformat(login["expires_at"]) > datetime.now().astimezone()
    assert token["token"].startswith("psk_")
    assert {name: token[name] for name in ("user", "domain_id")} == {
        name: login[name] for name in ("user", "domain_id")
    }


def test_the_audit_says_who_did_what_to_what(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, "login", "--user", MEMBER)
    run(capsys, "login", "--auto")
    domain = next(tenant.domain_id for tenant in stack.tenants if tenant.slug == "acme-corp")

    header, *rows = run(capsys, "audit", "list")[1].splitlines()

    assert header.split() == ["SEQ", "OCCURRED_AT", "WHO", "DID", "TO", "RESULT", "CORRELATION_ID"]
    assert any(re.search(r" member +auth\.sign_in\.complete +user:\S+ +granted ", row) for row in rows)
    assert re.search(rf" admin +audit\.list +domain:{domain} +granted ", rows[-1])
    assert any(re.search(r" pseudonym [0-9a-f]{12} +auth\.device_code\.start ", row) for row in rows)


def test_the_help_names_the_people_and_their_password(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main.main(["login", "--help"])

    assert f"The people of the dev stack: {SIGN_IN}." in " ".join(capsys.readouterr().out.split())
    assert SIGN_IN == "admin@example.com or member@example.com, password: password"


def test_up_names_the_people_and_their_password(stack: StackInfo, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "up", "--port", "0", "--idp-port", "0")

    assert code == 0
    assert f"  people     {SIGN_IN}\n" in out
