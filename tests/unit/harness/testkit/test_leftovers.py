"""Conditions for removing the Domains of finished runs."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from pytest_plexdev.core.model import Endpoints, StackInfo
from pytest_plexdev.stack.embedded import EmbeddedProvider, EmbeddedSettings
from pytest_plexdev.testkit.leftovers import Removal

INFO = StackInfo(
    provider="embedded",
    id="warm",
    directory=Path("/nowhere/warm"),
    endpoints=Endpoints(
        api="http://localhost:1", issuer="http://localhost:2", database="postgresql://127.0.0.1:3/plane"
    ),
    started_at=0.0,
)


@pytest.fixture
def connected_to(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs to which a removal connects."""
    psycopg = pytest.importorskip("psycopg")
    urls: list[str] = []

    def connect(url: str, **_: object) -> Any:
        urls.append(url)
        raise psycopg.OperationalError("connection refused")

    monkeypatch.setattr(psycopg, "connect", connect)
    for name in [name for name in os.environ if name.startswith("PG")]:
        monkeypatch.delenv(name)
    return urls


def remove() -> None:
    provider = EmbeddedProvider(EmbeddedSettings(id="warm"), INFO.directory)
    removal = Removal(cast("Any", SimpleNamespace(info=INFO, provider=provider, can=lambda _: True)))
    removal.start()
    removal.join(5.0)


def test_the_stacks_own_database_is_cleaned(connected_to: list[str]) -> None:
    remove()

    assert connected_to == [INFO.endpoints.database]


@pytest.mark.parametrize("name", ["PGHOSTADDR", "PGSERVICE", "PGOPTIONS"])
def test_no_database_is_touched_where_libpq_is_led_elsewhere(
    connected_to: list[str], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "192.0.2.1")
    remove()

    assert connected_to == []
    assert os.environ[name] == "192.0.2.1"
