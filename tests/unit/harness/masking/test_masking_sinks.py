"""Generated secrets, in each syntax, are masked in each output."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable
from pprint import pformat
from urllib.parse import quote, urlencode

import httpx
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_plexdev.masking.names import WEAK, WORDS
from pytest_plexdev.masking.rule import mask

LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
# At least 14 characters, so that none occurs in a text by chance, in the alphabet of tokens and passwords.
secrets = st.text(f"{LETTERS}-_", min_size=14, max_size=60).filter(lambda text: any(map(str.isdigit, text)))
passwords = st.builds(str.__add__, secrets, st.text(f"{LETTERS}!#$%^*()[]{{}}<>|~.,:;?/+=\\\"'&@ é", max_size=12))
names = st.sampled_from(["password", "client_secret", "access_token", "refresh_token", "device_code", "nsk", "id_token",
                         "PGPASSWORD", "preshared-key", "clientSecret", "csrf_token", "client-key-data"])  # fmt: skip


def spellings(name: str, secret: str) -> dict[str, str]:
    """Texts with *secret* as the value of *name*."""
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


# All spellings of the rule's names, alone and as the suffix of a longer name.
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
    """Texts with *secret* as the unquoted value of *name*: in files, headers and commands."""
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
    """Texts in which *secret* has no name and is recognised by its format or position."""
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
def test_unquoted_values_are_masked_in_every_spelling(word: str, secret: str) -> None:
    for spelling, spelled in SPELLED.items():
        for how, text in unquoted(spelled(word), secret).items():
            masked = mask(text)

            assert secret not in masked, (spelling, how)
            assert mask(masked) == masked, (spelling, how)


@few
@given(word=st.sampled_from(sorted({*WORDS} - WEAK)), secret=passwords)
def test_quoted_values_are_masked_in_every_spelling(word: str, secret: str) -> None:
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
