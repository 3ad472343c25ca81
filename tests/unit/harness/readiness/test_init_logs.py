"""What is read from the log of an init container."""

from __future__ import annotations

import pytest

from pytest_plexdev.readiness.init_logs import message_of


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("waiting for openbao:8200\n", "waiting for openbao:8200"),
        (
            '{"level":"info","ts":"2026-11-29T15:53:41Z","logger":"crossplane","msg":"Step has been completed"}',
            "Step has been completed",
        ),
        (
            '{"level":"error","msg":"cannot initialize core","error":"no route to host"}',
            "cannot initialize core: no route to host",
        ),
        ('{"level":"info"}', '{"level":"info"}'),
        ("{not JSON", "{not JSON"),
    ],
)
def test_a_structured_line_is_its_message(line: str, message: str) -> None:
    assert message_of(line) == message
