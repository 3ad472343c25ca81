"""Generated secrets, in every form that texts have them in, at every sink."""

from __future__ import annotations

import base64
import html
import json
import shlex
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from pprint import pformat
from urllib.parse import quote, urlencode

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
from pytest_plexdev.masking.names import WEAK, WORDS
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.session import output, report
from pytest_plexdev.session.output import read_end
from pytest_plexdev.stack.kind.cluster import lock
from pytest_plexdev.testkit.browser import Browser
from pytest_plexdev.testkit.html_page import Form
from pytest_plexdev.testkit.login import Login

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# Of 14 characters and more, so that none is in a text by chance; the rest is what tokens and passwords are made of.
secrets = st.text(f"{LETTERS}-_", min_size=14, max_size=60).filter(lambda text: any(map(str.isdigit, text)))
passwords = st.builds(str.__add__, secrets, st.text(f"{LETTERS}!#$%^*()[]{{}}<>|~.,:;?/+=\\\"'&@ é", max_size=12))
names = st.sampled_from(["password", "client_secret", "access_token", "refresh_token", "device_code", "nsk", "id_token",
                         "PGPASSWORD", "preshared-key", "clientSecret", "csrf_token", "client-key-data"])  # fmt: skip


def spellings(name: str, secret: str) -> dict[str, str]:
    """Texts that have *secret* as the value of *name*."""
    as_json = json.dumps({"a": 1, name: secret, "z": [name]})
    return {
        "JSON": as_json,
        "JSON with spaces": json.dumps({name: secret}, indent=2),
        "JSON in JSON": json.dumps({"body": as_json}),
        "a repr": repr({"a": None, name: secret, "z": 1}),
        "a repr of bytes": repr({name: secret.encode()}),
        "a repr of JSON": repr(as_json),
        "a repr of JSON in bytes": repr(as_json.encode()),
        "a tuple": repr([(name, secret)]),
        "a local": f"{name:<20} = {secret!r}",
        "an argument": f"f({name}={secret!r}, x=1)",
        "a form": urlencode({"a": "b", name: secret, "z": "1"}),
        "a query": f"GET /x?{urlencode({name: secret})} -> 200",
        "a URL in a URL": f"/sign-in?return_to={quote(f'/x?{urlencode({name: secret})}', safe='')}&a=b",
        "argv": repr(["tool", f"--{name}", secret, "x"]),
        "HTML": f'<input type="hidden" name="{name}" value="{html.escape(secret)}">',
        "a Pod's variable": json.dumps([{"name": name, "value": secret}]),
    }


def capitalised(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


# Every way that programs write the names that the rule has, alone and as the end of a longer one.
SPELLED: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "with hyphens": lambda name: name.replace("_", "-"),
    "in one word": lambda name: name.replace("_", ""),
    "camel": lambda name: name[0] + capitalised(name)[1:],
    "capitalised": capitalised,
    "a header's": lambda name: "X-" + "-".join(part.capitalize() for part in name.split("_")),
    "a variable's": lambda name: f"PLEXSPHERE_DEX_{name.upper()}",
    "capitals": str.upper,
    "prefixed": lambda name: f"x_{name}",
    "prefixed camel": lambda name: f"dex{capitalised(name)}",
}  # fmt: skip


def unquoted(name: str, secret: str) -> dict[str, str]:
    """Texts that have *secret* as the value of *name* without quotes: in files, headers and commands."""
    return {
        "YAML": f"{name}: {secret}",
        "YAML among others": f"a: b\n{name}: {secret}\nc: d\n",
        "YAML within": f"dex:\n  config:\n    {name}: {secret}\n    a: b\n",
        "YAML in a list": f"clients:\n- {name}: {secret}\n  id: a\n-   {name}:   {secret}\n",
        "YAML with a comment": f"a: b\n{name}: {secret}  # of the dev stack\nc: d",
        "YAML in a line": f"client: {{id: a, {name}: {secret}, b: c}}",
        "YAML first in a line": f"client: {{{name}: {secret}, b: c}}",
        "YAML last in a line": f"client: {{id: a, {name}: {secret}}}",
        "a block of YAML": f"a: b\n  {name}: |\n    {secret}\n  c: d\n",
        "a folded block of YAML": f"{name}: >-\n  {secret}\nc: d\n",
        "YAML in a repr": repr(f"a: b\n  {name}: {secret}\n  c: d\n"),
        "a block of YAML in a repr": repr(f"a: b\n  {name}: |\n    {secret}\n  c: d\n"),
        "a block of YAML in JSON": json.dumps({"config.yaml": f"{name}: |\n  a\n  {secret}\n"}),
        "YAML in JSON": json.dumps({"config.yaml": f"a: b\n  {name}: {secret}\n"}),
        "ini": f"[dex]\n{name}={secret}\na=b\n",
        "ini with blanks": f"[dex]\n{name} = {secret}\na = b\n",
        "ini with a colon": f"[dex]\n{name}:{secret}\n",
        "ini with a comment": f"[dex]\n{name} = {secret} ; of the dev stack\na = b\n",
        "a header": f"> GET / HTTP/1.1\n> {name}: {secret}\n> accept: */*\n",
        "a header in a command": f"curl -H '{name}: {secret}' http://localhost",
        "an option": f"tool --{name} {secret} x",
        "an option with =": f"tool --{name}={secret} x",
        "a variable of a command": f"env {name}={secret} tool",
        "what pytest says": f"E   {name}: {secret}",
    }


def recognised(secret: str) -> dict[str, str]:
    """Texts in which *secret* has no name, but a form or a place."""
    jwt = f"eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0{secret}.{secret}"
    pem = f"-----BEGIN PRIVATE KEY-----\n{secret}\n-----END PRIVATE KEY-----"
    return {
        **{kind: f"the token {kind}_dev_{secret}" for kind in ("psk", "psb", "nsk")},
        "a token in a repr": repr(f"a line\npsk_dev_{secret}"),
        "a token in a URL": f"/x?y=a%20psk_dev_{secret}",
        "a JWT": f"id: {jwt}",
        "a bearer": f"Authorization: Bearer {secret}",
        "a bearer in a repr": repr({"authorization": f"Bearer {secret}"}),
        "a bearer alone": f"sent Bearer {secret}1 to it",
        "basic": f"Proxy-Authorization: Basic {base64.b64encode(secret.encode()).decode()}",
        "a cookie": f"Cookie: a=b; any={secret}; c=d",
        "a cookie set": f"set-cookie: any={secret}; Path=/v1/; HttpOnly",
        "raw headers": repr([(b"set-cookie", f"any={secret}; Path=/".encode()), (b"x", b"y")]),
        "a bearer in long bytes": pformat([(b"Authorization", f"Bearer psk_dev_{secret * 3}".encode())]),
        "cookies of httpx": repr(httpx.Cookies({"plexsphere_session": secret})),
        "Postgres": f"postgresql://plexsphere:{secret}@127.0.0.1:5432/db",
        "NATS": f"nats://user:{secret}@localhost:4222, nats://{secret}@localhost",
        "a URL as a parameter": quote(f"postgresql://u:{secret}@h/db", safe=""),
        "a private key": pem,
        "a private key in a repr": repr(pem),
        "a kubeconfig": f"    user:\n      token: {secret}\n      client-key-data: {secret}=\n",
        "a key of a kubeconfig": f"key: {base64.b64encode(pem.encode()).decode()}",
        "a callback": f"/v1/auth/callback?code={secret}&state={secret}",
        "a line of variables": f"A=b PLEXSPHERE_CURSOR_KEY={secret} C=d",
        "a command": f"tool --token {secret} --client-secret={secret} x",
        "SQL": f"ALTER ROLE plexsphere PASSWORD '{secret}'",
    }  # fmt: skip


@few
@given(name=names, secret=passwords)
def test_no_value_of_a_secret_name_stays_in_any_spelling(name: str, secret: str) -> None:
    for how, text in spellings(name, secret).items():
        masked = mask(text)

        assert secret[:14] not in masked, how
        assert "***" in masked, how
        assert mask(masked) == masked, how


@few
@given(word=st.sampled_from(sorted({*WORDS} - WEAK)), secret=secrets)
def test_no_value_without_quotes_stays_whichever_way_its_name_is_spelled(word: str, secret: str) -> None:
    for spelling, spelled in SPELLED.items():
        for how, text in unquoted(spelled(word), secret).items():
            masked = mask(text)

            assert secret not in masked, (spelling, how)
            assert mask(masked) == masked, (spelling, how)


@few
@given(word=st.sampled_from(sorted({*WORDS} - WEAK)), secret=passwords)
def test_no_value_in_quotes_stays_whichever_way_its_name_is_spelled(word: str, secret: str) -> None:
    for spelling, spelled in SPELLED.items():
        for how, text in spellings(spelled(word), secret).items():
            masked = mask(text)

            assert secret[:14] not in masked, (spelling, how)
            assert mask(masked) == masked, (spelling, how)


@few
@given(secret=secrets)
def test_no_secret_without_a_name_stays(secret: str) -> None:
    for how, text in recognised(secret).items():
        masked = mask(text)

        assert secret not in masked, how
        assert secret[-12:] not in masked.replace("***", ""), how
        assert mask(masked) == masked, how


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
        Credential("d", secret),
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
    # The secret lies where the log is cut.
    monkeypatch.setattr(output, "LOG_BYTES", 1000)
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
        "told again": str(decode_failure(encode_failure(error))),
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

    # A quadratic rule takes minutes.
    assert time.process_time() - began < 5
    assert mask(masked) == masked
