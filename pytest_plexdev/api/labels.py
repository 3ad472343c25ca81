"""``/v1/label-definitions``: the definitions of labels."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from typing import Literal

import msgspec

from pytest_plexdev.api.problems import hides_its_frames
from pytest_plexdev.api.timestamp import Timestamp
from pytest_plexdev.api.transport import Transport, body_of

__tracebackhide__ = hides_its_frames


class LabelValueSchema(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The valid values of a label. ``kind`` decides which of the other members apply."""

    kind: str
    max_len: int | None = None
    values: list[str] | None = None
    min: int | None = None
    max: int | None = None
    pattern: str | None = None


class LabelDefinition(msgspec.Struct, frozen=True, kw_only=True):
    id: str
    scope: str
    local_key: str
    qualified_key: str
    value_schema: LabelValueSchema
    applicable_kinds: list[str]
    on_delete: str
    created_by: str
    created_at: Timestamp
    updated_at: Timestamp
    scope_id: str | None = None
    description: str = ""
    cardinality: int = 1
    immutable: bool = False


class LabelDefinitions:
    """The label definitions of a scope."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def create(
        self,
        *,
        scope: Literal["platform", "domain", "project"],
        scope_id: str | None,
        local_key: str,
        value_schema: LabelValueSchema,
        applicable_kinds: builtins.list[str],
        description: str | None = None,
    ) -> LabelDefinition:
        """Define a label; *scope_id* is ``None`` only for the platform."""
        body = body_of(
            scope=scope,
            scope_id=scope_id,
            local_key=local_key,
            value_schema=value_schema,
            applicable_kinds=applicable_kinds,
            description=description,
        )
        return self._transport.request("POST", "/v1/label-definitions", LabelDefinition, body=body)

    def list(self, *, scope: str) -> Iterator[LabelDefinition]:
        """Iterate over the definitions of a scope: ``platform``, ``domain:<id>`` or ``project:<id>``."""
        return self._transport.pages("/v1/label-definitions", LabelDefinition, parameters={"scope": scope})

    def get(self, definition_id: str) -> LabelDefinition:
        """Read a definition."""
        return self._transport.request("GET", f"/v1/label-definitions/{definition_id}", LabelDefinition)
