from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from plexsphere_reference.rules.bootstrap_tokens import Malformed, Plaintext, refusal

PROJECT = UUID("0190a8b8-a0c0-7a0a-8a0a-a0a0a0a0a0a0")
EXAMPLE = "psb_prod_agikrofayb5avcqkucqkbifaua_node_xxxxxxxxxxxxxxxxxxxxxxxxxx"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_minted_one_reads_back() -> None:
    minted = Plaintext.mint(env_prefix="dev", project_id=PROJECT, kind="bridge")

    assert Plaintext.parse(minted.reveal()) == minted
    assert re.fullmatch(r"psb_[a-z]+_[a-z2-7]+_(node|bridge)_[a-z2-7]{20,}", minted.reveal())
    assert len(minted.random) == 26
    assert minted.lookup == minted.random[:10]


def test_the_project_is_base32_of_its_bytes() -> None:
    assert Plaintext.parse(EXAMPLE).project_id == PROJECT


def test_no_two_are_alike_and_none_shows_its_secret() -> None:
    minted = [Plaintext.mint(env_prefix="dev", project_id=PROJECT, kind="node") for _ in range(100)]

    assert len({each.lookup for each in minted}) == 100
    assert minted[0].random not in repr(minted[0])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "psb_",
        EXAMPLE.upper(),
        EXAMPLE + "\n",
        " " + EXAMPLE,
        EXAMPLE.replace("psb", "psk"),
        EXAMPLE.replace("node", "vm"),
        EXAMPLE.replace("prod", "pröd"),
        EXAMPLE.replace("x", "1"),
        EXAMPLE[:-7],
        EXAMPLE.replace("faua", "faub"),  # the same bytes, spelled in another way
        EXAMPLE + "x" * 4096,
    ],
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(Malformed):
        Plaintext.parse(text)


def test_what_was_done_to_a_token_outranks_its_age() -> None:
    soon, past = NOW + timedelta(seconds=1), NOW - timedelta(seconds=1)

    assert refusal(consumed_at=None, revoked_at=None, expires_at=soon, now=NOW) is None
    assert refusal(consumed_at=None, revoked_at=None, expires_at=NOW, now=NOW) == "token_expired"
    assert refusal(consumed_at=None, revoked_at=past, expires_at=past, now=NOW) == "token_revoked"
    assert refusal(consumed_at=past, revoked_at=past, expires_at=past, now=NOW) == "token_consumed"
