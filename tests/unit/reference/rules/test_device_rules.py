from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from plexsphere_reference.rules import device
from plexsphere_reference.rules.api_tokens import env_prefix_of, new_plaintext
from plexsphere_reference.rules.device import DeviceSession

NOW = datetime(2026, 8, 4, 12, tzinfo=UTC)


def _session(**changed: Any) -> DeviceSession:
    values: dict[str, Any] = {
        "id": uuid.uuid4(),
        "user_code": "ABCDEFGH",
        "binding_id": uuid.uuid4(),
        "domain_id": uuid.uuid4(),
        "binding_active": True,
        "client_id": None,
        "interval_seconds": 5,
        "expires_at": NOW + timedelta(seconds=1),
        "last_polled_at": None,
        "approved_by": None,
        "denied_by": None,
        "approved_acr": None,
        "approved_amr": (),
        "spent_at": None,
        "now": NOW,
    }
    return DeviceSession(**{**values, **changed})


APPROVED = {"approved_by": uuid.uuid4()}
SPENT = {**APPROVED, "spent_at": NOW}
EXPIRED = {"expires_at": NOW}
JUST_POLLED = {"last_polled_at": NOW - timedelta(seconds=4.999)}


@pytest.mark.parametrize(
    ("state", "outcome"),
    [
        ({}, "authorization_pending"),
        (JUST_POLLED, "slow_down"),
        ({"last_polled_at": NOW - timedelta(seconds=5)}, "authorization_pending"),
        ({"last_polled_at": NOW - timedelta(seconds=5), "interval_seconds": 10}, "slow_down"),
        (APPROVED, "granted"),
        ({**APPROVED, **JUST_POLLED}, "granted"),
        (EXPIRED, "expired_token"),
        ({**APPROVED, **EXPIRED}, "expired_token"),
        (SPENT, "invalid_grant"),
        ({**SPENT, **EXPIRED}, "invalid_grant"),
        ({"binding_active": False}, "access_denied"),
        ({**APPROVED, "binding_active": False}, "access_denied"),
        ({"client_id": "other"}, "invalid_grant"),
        ({**APPROVED, "client_id": "other"}, "invalid_grant"),
        ({**APPROVED, "client_id": "me"}, "granted"),
    ],
)
def test_what_a_poll_gets(state: dict[str, Any], outcome: str) -> None:
    assert _session(**state).poll(client_id="me") == outcome


def test_user_codes_are_typed_with_or_without_the_dash() -> None:
    code = device.new_user_code()

    assert re.fullmatch("[A-Z2-7]{8}", code)
    assert device.parse_user_code(code) == device.parse_user_code(device.shown(code)) == code


@pytest.mark.parametrize("text", ["", "ABCDEFG", "ABCD--EFGH", "ABCD-EFGH-", "ABCDE-FGH", "abcdefgh", "ABCD-EFG0"])
def test_what_is_no_user_code(text: str) -> None:
    assert device.parse_user_code(text) is None


def test_a_token_names_its_id_and_deployment() -> None:
    token_id = uuid.UUID("01985a00-0000-7000-8000-00000000ac21")

    first, second = new_plaintext("dev", token_id), new_plaintext("dev", token_id)

    assert re.fullmatch(r"psk_dev_agmfuaaaabyabaaaaaaaaafmee_[a-z2-7]{52}", first)
    assert first != second
    assert [env_prefix_of(env) for env in ("dev", "stage", "prod", "test")] == ["dev", "stage", "prod", "dev"]
