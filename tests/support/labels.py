"""Helpers of the tests of label definitions."""

from __future__ import annotations

from tests.support.control_plane import unique


def label(scope: str = "platform", scope_id: str | None = None, **members: object) -> dict[str, object]:
    body: dict[str, object] = {
        "scope": scope,
        "local_key": unique("key"),
        "value_schema": {"kind": "string"},
        "applicable_kinds": ["node"],
        **members,
    }
    return body if scope_id is None else {**body, "scope_id": scope_id}
