"""Verification of a chain while it grows: no false alarm, and no delay of other requests."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from plexsphere_reference.rules import audit as audit_rules
from plexsphere_reference.rules import audit_chain
from plexsphere_reference.rules.audit import PLATFORM_CHAIN, AuditRecord
from plexsphere_reference.store import audit, audit_verification
from plexsphere_reference.store.audit_verification import AuditVerifier
from plexsphere_reference.store.database import Database
from tests.support.actors import new_domain
from tests.support.control_plane import Plane

Scenario = Callable[[Database], Awaitable[None]]


@pytest.fixture
def run(plane: Plane) -> Callable[[Scenario], None]:
    """Runs a coroutine function with a database of its own."""

    async def opened(scenario: Scenario) -> None:
        database = Database(plane.database_url)
        await database.open()
        try:
            await scenario(database)
        finally:
            await database.close()

    return lambda scenario: asyncio.run(opened(scenario))


@pytest.fixture
def chain_id(acme: httpx.Client) -> uuid.UUID:
    return uuid.UUID(new_domain(acme)["id"])


def record(chain_id: uuid.UUID) -> AuditRecord:
    return AuditRecord(
        chain_id=chain_id,
        occurred_at=datetime.now(UTC),
        reason="granted",
        subject="0" * 64,
        identity_id_ref=None,
        relation="domain.read",
        object_type="domain",
        object_id=str(chain_id),
        correlation_id=str(uuid.uuid4()),
        ip="192.0.2.1",
        user_agent="tests",
    )


async def grow(database: Database, chain_id: uuid.UUID, by: int = 1) -> None:
    async with database.transaction() as connection:
        await audit.append(connection, [record(chain_id) for _ in range(by)])


def test_no_alarm_while_others_read_and_write(plane: Plane, acme: httpx.Client) -> None:
    domain = new_domain(acme)["id"]
    path = f"/v1/domains/{domain}"
    done: list[bool] = []

    def busy(write: bool) -> None:  # noqa: FBT001
        with plane.client() as client:
            while not done:
                answer = client.patch(path, json={"description": str(uuid.uuid4())}) if write else client.get(path)
                assert answer.status_code == 200

    with ThreadPoolExecutor(5) as pool:
        others = [pool.submit(busy, write) for write in (True, False, False, False)]
        try:
            verified = [acme.post(f"{path}/audit/verify", json={"from_seq": 1 + n % 3}).json() for n in range(40)]
            platform = [acme.post("/v1/platform/audit/verify").json() for _ in range(3)]
        finally:
            done.append(True)
        for each in others:
            each.result()

    assert [each for each in (*verified, *platform) if not each["ok"]] == []
    assert verified[-1]["segment_to"] > verified[0]["segment_to"], "the chain grew meanwhile"


def test_rows_appended_during_a_verification_are_not_part_of_it(
    run: Callable[[Scenario], None], chain_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = audit.segment

    async def scenario(database: Database) -> None:
        async def grown(*arguments: Any, **named: Any) -> Any:
            read = await segment(*arguments, **named)
            await grow(database, chain_id)
            return read

        await grow(database, chain_id, 250)
        monkeypatch.setattr(audit, "segment", grown)
        verified = await AuditVerifier(database).verify(chain_id, 1, None)

        assert (verified.first, verified.last, verified.divergence) == (1, 250, None)

    run(scenario)


def test_a_long_chain_gives_way_to_other_requests(
    run: Callable[[Scenario], None], chain_id: uuid.UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed = longest = 0

    def counted(previous: bytes, canonical: bytes) -> bytes:
        nonlocal hashed
        hashed += 1
        return audit_rules.entry_hash(previous, canonical)

    async def other_requests() -> None:
        nonlocal longest
        while True:
            before = hashed
            await asyncio.sleep(0)
            longest = max(longest, hashed - before)

    async def scenario(database: Database) -> None:
        await grow(database, chain_id, 1000)
        monkeypatch.setattr(audit_chain, "entry_hash", counted)
        others = asyncio.create_task(other_requests())
        verified = await AuditVerifier(database).verify(chain_id, 1, None)
        others.cancel()

        assert verified.divergence is None
        assert hashed == 1000
        assert longest <= audit_verification._CHUNK

    run(scenario)


def test_many_verifications_leave_connections_for_others(run: Callable[[Scenario], None], acme: httpx.Client) -> None:
    chains = [uuid.UUID(new_domain(acme)["id"]) for _ in range(4)]
    open_now = most = 0

    class Counting(Database):
        @asynccontextmanager
        async def snapshot(self) -> Any:
            nonlocal open_now, most
            async with super().snapshot() as connection:
                open_now += 1
                most = max(most, open_now)
                yield connection
                open_now -= 1

    async def scenario(database: Database) -> None:
        for chain in chains:
            await grow(database, chain, 150)
        counting = Counting(database._url)
        await counting.open()
        verifier = AuditVerifier(counting)
        found = await asyncio.gather(*(verifier.verify(chain, 1, None) for chain in chains * 3))
        await counting.close()

        assert all(each.divergence is None for each in found)
        assert most == audit_verification._AT_ONCE

    run(scenario)


@pytest.fixture
def stray(plane: Plane, acme: httpx.Client) -> Iterator[str]:
    """A Domain whose chain has an entry that was inserted into the database."""
    domain = new_domain(acme)["id"]
    assert acme.get(f"/v1/domains/{domain}").status_code == 200
    plane.sql(
        "INSERT INTO plexsphere.audit_entries SELECT (jsonb_populate_record(NULL::plexsphere.audit_entries,"
        " to_jsonb(e) || '{\"seq\": 900}')).* FROM plexsphere.audit_entries e WHERE chain_id = %s AND seq = 1",
        domain,
    )
    yield domain
    plane.sql("DELETE FROM plexsphere.audit_entries WHERE chain_id = %s AND seq = 900", domain)


def test_an_entry_that_the_chain_never_appended_is_found(acme: httpx.Client, stray: str) -> None:
    path = f"/v1/domains/{stray}/audit/verify"

    assert acme.post(path).json()["divergent_seq"] == 900
    assert acme.post(path, json={"to_seq": 2}).json()["ok"] is True
    assert acme.post(path, json={"from_seq": 5, "to_seq": 950}).json()["divergent_seq"] == 900


def test_a_chain_of_nothing_verifies(run: Callable[[Scenario], None]) -> None:
    async def scenario(database: Database) -> None:
        for chain in (uuid.uuid4(), PLATFORM_CHAIN):
            assert (await AuditVerifier(database).verify(chain, 1, None)).divergence is None

    run(scenario)
