"""No secret is in a repr or in messages between processes; masking takes linear time."""

from __future__ import annotations

import json
import shlex
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.api.auth import AccessToken, DeviceCode, IssuedApiToken, SignIn
from pytest_plexdev.api.bootstrap_tokens import IssuedBootstrapToken, Registration
from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.api.problems import Problem, ProblemError
from pytest_plexdev.cli.credentials import Credential
from pytest_plexdev.core.model import Endpoints, StackInfo, Verdict
from pytest_plexdev.core.tables import verdict_table
from pytest_plexdev.errors import PlexdevError, decode_failure, encode_failure
from pytest_plexdev.errors.cluster import COMMAND_FAILED
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session import output_directory, report
from pytest_plexdev.session.output_directory import read_end
from pytest_plexdev.stack.kind.cluster import lock
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.html_page import Form
from pytest_plexdev.testkit.login import Login

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# At least 14 characters, so that none occurs in a text by chance, in the alphabet of tokens and passwords.
secrets = st.text(f"{LETTERS}-_", min_size=14, max_size=60).filter(lambda text: any(map(str.isdigit, text)))
names = st.sampled_from(["password", "client_secret", "access_token", "refresh_token", "device_code", "nsk", "id_token",
                         "PGPASSWORD", "preshared-key", "clientSecret", "csrf_token", "client-key-data"])  # fmt: skip


@few
@given(secret=secrets)
def test_no_secret_is_in_a_repr(secret: str) -> None:
    token = f"psk_dev_{secret}"
    client = Client(Transport("http://localhost:1", token=token))
    browser = Browser("http://localhost:1", user="a", password=secret, log="")
    database = f"postgresql://plexsphere:{secret}@127.0.0.1:1/db"
    endpoints = Endpoints(api="http://localhost:1", issuer="http://localhost:2", database=database)
    info = StackInfo(provider="embedded", id="x", directory=Path("/x"), endpoints=endpoints, started_at=0.0)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    shown = [
        Login(user="a", domain_id="d", expires_at=0.0, client=client, token=token),
        client,
        client.transport,
        browser,
        Form(action=f"/x?state={secret}", fields={"csrf": secret}),
        info,
        endpoints,
        Credential(domain_id="d", user="u", expires_at=0, token=secret),
        AccessToken(access_token=secret, token_type="Bearer", expires_in=1),
        DeviceCode(device_code=secret, user_code="A", verification_uri="u", verification_uri_complete="u",
                   expires_in=1, interval=1),
        IssuedApiToken(id="i", plaintext=secret, env_prefix="dev", expires_at=at),
        IssuedBootstrapToken(token_id="i", token=secret, issued_at=at, expires_at=at),
        Registration(node_id="n", mesh_ip="m", signing_public_key="k", signing_key_id="i", nsk=secret,
                     peer_snapshot=[], domain_mesh_cidr="c"),
        SignIn(authorization_url=f"http://x/?state={secret}", state=secret, code_verifier_handle=secret, nonce=secret,
               cookies={"a": secret}),
    ]  # fmt: skip
    browser.close()
    client.transport.close()

    assert [each for each in shown if secret in repr(each)] == []


@few
@given(name=names, secret=secrets)
def test_no_secret_is_in_what_processes_tell_each_other_and_keep(
    name: str, secret: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argv = ["tool", f"--{name}={secret}", f"postgresql://u:{secret}@h/db"]
    detail = f"{name}={secret}\nAuthorization: Bearer {secret}"
    facts = {"command": shlex.join(argv), "status": "1", "purpose": httpx.URL(f"nats://u:{secret}@h"), "fix": "f"}
    error = PlexdevError(COMMAND_FAILED, detail=detail, **facts)
    monkeypatch.setattr(sys, "argv", ["/bin/plexdev", "up", f"--{name}", secret])
    log = tmp_path / "a.log"
    # The log is cut inside the secret.
    monkeypatch.setattr(output_directory, "LOG_BYTES", 1000)
    log.write_text(f"{name}={secret}\n{'x' * 985}\n")
    exchanges = ExchangeLog()
    body = json.dumps({"nsk": secret}).encode()
    exchanges.add(method="POST", path=f"/x?{name}={secret}", began=time.time(), status=200, request=body, response=body)
    properties: list[str] = []
    endpoints = Endpoints(api=f"http://u:{secret}@h", issuer="i")
    report.write_junit_properties(
        lambda _, value: properties.append(value),
        StackInfo(provider="embedded", id="x", directory=Path("/x"), endpoints=endpoints, started_at=0.0),
    )
    kept = {
        "error": f"{error}{error!r}{error.__reduce__()}",
        "failure.json": json.dumps(encode_failure(error)),
        "decoded": str(decode_failure(encode_failure(error))),
        "a refusal": str(ProblemError(Problem(detail=detail), method="GET", path="/x")),
        "the lock's holder": json.dumps(lock._me()),
        "a kept log": read_end(log).decode(),
        "exchanges": "\n".join(map(str, exchanges)),
        "JUnit": "\n".join(properties),
        "verdicts": verdict_table([Verdict(name="x", state="gone", reason=detail)]),
    }

    assert [where for where, text in kept.items() if secret in text or secret[-13:] in text] == []
    assert exchanges.secrets == ({secret} if len(secret) >= 16 else set())
    assert mask(f"assert '{secret}' == x", exchanges.secrets).count(secret) == (len(secret) < 16)


REPEATED = [
    *(
        "a",
        "a.",
        "eyJ",
        "://",
        "://a:",
        "token=",
        'token="',
        "token: ",
        'token=\\"',
        "\\",
        "cookie: ",
        "cookie: a=",
        "'",
    ),
    *("authorization: ", "Bearer a1", "psk_", "psk_aaa...", "code=", "?code=%25", "--token ", "-----BEGIN ", "x=y;"),
    *(
        "-----BEGIN PRIVATE KEY-----",
        "%3A%2F%2F",
        "%3A%2F%2Fa%3A",
        "('token', ",
        "LS0tLS1CRUdJTiB",
        "\n token: x",
        "\ntoken: |\n x",
        "\\ntoken: |\\n x",
        "{token: ",
        "{token: a, ",
    ),
]


@pytest.mark.parametrize("unit", REPEATED)
def test_the_time_is_linear_and_what_is_masked_stays(unit: str) -> None:
    text = f'password="{unit * (100_000 // len(unit))}'
    began = time.process_time()
    masked = mask(text + "\n" + text[10:] + " @ %40 eyJ psk_ PRIVATE KEY authorization cookie")

    # Quadratic time would be minutes.
    assert time.process_time() - began < 5
    assert mask(masked) == masked
