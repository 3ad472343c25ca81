"""Masking of a stack's random credentials; its well-known ones are not masked."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.masking.known import credentials_in, distinctive_values
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.stack.credentials import RUNBOOK, Credentials
from pytest_plexdev.stack.embedded.provider import EmbeddedProvider
from pytest_plexdev.stack.embedded.settings import EmbeddedSettings
from pytest_plexdev.testkit.stack import Stack


def stack_with(credentials: Credentials) -> Stack:
    user = f"plexsphere:{credentials.nats}@" if credentials.nats else ""
    endpoints = Endpoints(
        api="http://localhost:1",
        issuer="http://localhost:2",
        database=f"postgresql://plexsphere:{credentials.database}@127.0.0.1:5432/plexsphere?a=b@c",
        nats=f"nats://{user}127.0.0.1:4222",
        spicedb="localhost:3",
        spicedb_key=credentials.spicedb,
    )
    info = StackInfo(provider="embedded", id="x", directory=Path("/x"), endpoints=endpoints, started_at=0.0)
    return Stack(info, EmbeddedProvider(EmbeddedSettings(id="x"), Path("/x")))


def test_every_random_credential_of_a_stack_is_masked() -> None:
    credentials = Credentials.random()
    stack = stack_with(credentials)
    values = [credentials.database, credentials.nats or "", credentials.spicedb]

    assert stack.secrets == set(values)
    assert mask(f"a{'-'.join(values)}b and {values!r}", stack.secrets) == "a***-***-***b and ['***', '***', '***']"


def test_the_words_of_the_runbook_stay_readable() -> None:
    stack = stack_with(RUNBOOK)
    text = "plexsphere says: password authentication failed for test-key"

    assert stack.secrets == set()
    assert mask(text, stack.secrets) == text


def test_bearers_are_known_secrets_and_common_words_are_not() -> None:
    stack = stack_with(RUNBOOK)
    stack.anonymous.as_principal("opaque-0123456789abcdef")
    stack.anonymous.as_principal("psk_dev_0123456789abcdef0123456789abcdef0123")
    stack.exchanges.add_secrets(["password", "1"])

    # A token of the product is recognised by its format, and its prefix and end are kept.
    assert stack.secrets == {"opaque-0123456789abcdef"}


def test_one_secret_that_is_given_often_drives_no_other_out() -> None:
    log = ExchangeLog()
    log.add_secrets(["first-0123456789abcdef"])
    for _ in range(1000):
        log.add_secrets(["other-0123456789abcdef"])

    assert "first-0123456789abcdef" in log.secrets


@pytest.mark.parametrize(
    ("url", "found"),
    [
        (None, set()),
        ("nats://127.0.0.1:4222", set()),
        ("unix:///run/a@b", set()),
        ("http://localhost/?next=//a:b@c", set()),
        ("nats://token-0123456789abcdef@localhost", {"token-0123456789abcdef"}),
        ("postgresql://u:a%2Fb%40c-0123456789@h:1/db", {"a%2Fb%40c-0123456789", "a/b@c-0123456789"}),
    ],
)
def test_the_credential_of_a_url(url: str | None, found: set[str]) -> None:
    assert distinctive_values(credentials_in(url)) == found


def test_a_secret_that_contains_another_is_masked_as_a_whole() -> None:
    short, long = "0123456789abcdef", "0123456789abcdef-and-more"

    assert mask(f"<{long}> <{short}>", frozenset({short, long})) == "<***> <***>"
