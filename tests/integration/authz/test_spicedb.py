"""Behaviour specific to SpiceDB: its error messages, its absence, its preshared key."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import grpc
import grpc.aio
import pytest
from authzed.api.v1 import RelationshipUpdate, WriteRelationshipsRequest
from authzed.api.v1.permission_service_pb2_grpc import PermissionsServiceStub

from plexsphere_reference.authz import spicedb as adapter
from plexsphere_reference.authz.connect import SCHEMA, connect
from plexsphere_reference.authz.model import AuthzRejected, AuthzUnavailable, Object, Subject
from plexsphere_reference.authz.parser import parse
from plexsphere_reference.authz.spicedb import SpiceDBAuthorizer
from plexsphere_reference.settings import Settings
from tests.support.authz_tuples import tuples

pytestmark = pytest.mark.anyio

NOT_ALLOWED = (
    "galaxy:x#admin@user:ada",
    "domain:acme#admin@robot:x",
    "domain:acme#owner@user:ada",
    "domain:acme#manage@user:ada",
    "domain:acme#admin@project:web",
    "domain:acme#admin@group:g#parent",
)


@pytest.mark.parametrize("tuple_", NOT_ALLOWED)
async def test_our_refusals_are_in_spicedb_s_words(spicedb: str, tuple_: str) -> None:
    authorizer = SpiceDBAuthorizer(spicedb, "words", SCHEMA.read_text())
    await authorizer.apply_schema()
    await authorizer.close()
    (relationship,) = tuples(tuple_)
    wire = adapter._wire_relationship(
        Object.parse(relationship.resource), relationship.relation, Subject.parse(relationship.subject)
    )
    update = RelationshipUpdate(operation=RelationshipUpdate.OPERATION_TOUCH, relationship=wire)

    async with grpc.aio.insecure_channel(spicedb) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as theirs:
            await _answer(channel, WriteRelationshipsRequest(updates=[update]))
    with pytest.raises(AuthzRejected) as ours:
        parse(SCHEMA.read_text()).require_writable(relationship)

    assert theirs.value.details() == str(ours.value)


async def _answer(channel: Any, request: WriteRelationshipsRequest) -> object:
    write: Any = PermissionsServiceStub(channel).WriteRelationships
    return await write(request, metadata=[("authorization", "Bearer words")])


async def test_without_a_schema_spicedb_is_ready_but_answers_nothing(spicedb: str) -> None:
    authorizer = SpiceDBAuthorizer(spicedb, "no-schema-yet", SCHEMA.read_text())

    await authorizer.ready()
    for refused in (
        authorizer.check("user:ada", "read", "domain:acme"),
        authorizer.lookup_resources("user:ada", "read", "domain"),
        authorizer.write(tuples("domain:acme#admin@user:ada")),
    ):
        with pytest.raises(AuthzUnavailable, match="object definition `domain` not found"):
            await refused
    await authorizer.close()


async def test_one_that_is_not_there_is_unavailable_at_once(tmp_path: Path) -> None:
    settings = Settings(database_url="", spicedb_endpoint=f"unix:{tmp_path}/none", spicedb_preshared_key="k")
    authorizer = connect(settings, rows=None)  # type: ignore[arg-type]
    began = time.monotonic()

    checks = [authorizer.check("user:ada", "read", f"domain:{n}") for n in range(8)]
    errors = await asyncio.gather(*checks, return_exceptions=True)
    with pytest.raises(AuthzUnavailable, match="SpiceDB: UNAVAILABLE"):
        await authorizer.ready()
    await authorizer.close()

    assert [type(error) for error in errors] == [AuthzUnavailable] * 8
    assert time.monotonic() - began < 2
