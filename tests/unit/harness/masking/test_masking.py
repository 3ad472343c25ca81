from __future__ import annotations

import time

import pytest

from pytest_plexdev.api.exchanges import BODY_LIMIT, ExchangeLog
from pytest_plexdev.masking.rule import mask, without_cut_word


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ('{"access_token":"psk_dev_abc_def","expires_in":5}', '{"access_token":"psk_***","expires_in":5}'),
        ('{"device_code": "x\\"y", "a": 1}', '{"device_code": "***", "a": 1}'),
        ('{"nsk":"AAAA=","node_id":"n"}', '{"nsk":"***","node_id":"n"}'),
        ("Authorization: Bearer nsk_plexd_Zm9v-_", "Authorization: Bearer nsk_***"),
        ("the token psb_dev_aaa_node_bbb is spent", "the token psb_*** is spent"),
        ("/v1/auth/callback?code=abc&state=def", "/v1/auth/callback?code=***&state=***"),
        ('{"state": "x9_fR-2kQ0aBcD", "nonce":"n"}', '{"state": "***", "nonce":"***"}'),
        ('{"state":"abcdefghijklmnopqrstuvwxyzabcde"}', '{"state":"***"}'),
        ('{"state":"Running"}', '{"state":"Running"}'),
        ('{"state":"unreachable","changed_at":"t"}', '{"state":"unreachable","changed_at":"t"}'),
        ('{"state":"pending_first-heartbeat"}', '{"state":"pending_first-heartbeat"}'),
        ('{"token_id":"t","user_code":"ABCD-EFGH"}', '{"token_id":"t","user_code":"***"}'),
        ('"http://localhost/v1/device?user_code=ABCD-EFGH"', '"http://localhost/v1/device?user_code=***"'),
        (
            "/sign-in?return_to=%2Fv1%2Fdevice%3Fuser_code%3DABCD-EFGH&a=b",
            "/sign-in?return_to=%2Fv1%2Fdevice%3Fuser_code%3D***&a=b",
        ),
        ("GET /x?status_code=404&estate=old", "GET /x?status_code=404&estate=old"),
        ("client_secret: Zm9vYmFyYmF6cXV4MTIzNDU2Nzg5MA", "client_secret: ***"),
        ("clientSecret: hunter2", "clientSecret: ***"),
        ("X_CLIENT_SECRET: hunter2", "X_CLIENT_SECRET: ***"),
        ("[dex]\nclient_secret = hunter2\nid = a", "[dex]\nclient_secret = ***\nid = a"),
        ("dex:\n  secret: hunter2\n  id: a", "dex:\n  secret: ***\n  id: a"),
        ("dex:\n  secret: |-\n    hunter2\n    more\n  id: a", "dex:\n  secret: |-\n    ***\n  id: a"),
        ("{id: a, secret: hunter2, b: [c]}", "{id: a, secret: ***, b: [c]}"),
        ("volumes:\n- secret:\n    secretName: plexsphere", "volumes:\n- secret:\n    secretName: plexsphere"),
        ("secret: it is not there", "secret: it is not there"),
        ('secret "plexsphere-database" not found', 'secret "plexsphere-database" not found'),
        ("bearer: as the runbook says", "bearer: as the runbook says"),
        ("curl -H 'Authorization: Bearer abc123def' -d 'x'", "curl -H 'Authorization: Bearer ***' -d 'x'"),
        ('curl -H "authorization: Basic YTpi=" /v1', 'curl -H "authorization: Basic ***" /v1'),
        ("'Authorization: Digest user='a', nonce=b'", "'Authorization: Digest ***"),
    ],
)
def test_secrets_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask(text) == masked


def test_a_secret_at_the_cut_is_masked_too() -> None:
    log = ExchangeLog()
    body = b"x" * (BODY_LIMIT - 6) + b" psk_dev_" + b"s" * 100
    log.add(method="GET", path="/", began=time.time(), status=200, request=b"", response=body)

    (exchange,) = log
    assert "sss" not in exchange.response


def test_the_exchange_log_keeps_the_last_ones_and_finds_a_tests() -> None:
    log = ExchangeLog(size=2)
    for number in range(3):
        log.add(method="GET", path=f"/{number}", began=float(number), status=200, request=b"", response=b"")

    assert [exchange.path for exchange in log] == ["/1", "/2"]
    assert [exchange.path for exchange in log.since(2.0)] == ["/2"]


def test_an_exchange_without_an_answer_says_so() -> None:
    log = ExchangeLog()
    log.add(method="POST", path="/v1/x", began=time.time(), status=None, request=b'{"password":"p"}', response=b"")

    assert "POST /v1/x -> no answer" in str(next(iter(log)))
    assert """-d '{"password":"***"}'""" in str(next(iter(log)))


def test_a_cut_costs_the_word_that_it_went_through_and_no_more() -> None:
    assert without_cut_word("cret token=abc") == " token=abc"
    assert without_cut_word("x" * 50_000) == "x" * (50_000 - 16_384)
