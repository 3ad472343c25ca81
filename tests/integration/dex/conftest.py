"""One identity provider per test module and kind: the stand-in, and the real Dex where there is one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pytest_plexdev.stack.embedded.dex_standin import IdpConfig
from tests.support.dex import Idp, find_dex, new_config, query_of, run_real_dex, run_stand_in
from tests.support.servers import leave_out


@pytest.fixture(scope="session")
def make_config() -> Callable[..., IdpConfig]:
    return new_config


@pytest.fixture(scope="session")
def redirect_query() -> Callable[[httpx.Response], dict[str, str]]:
    return query_of


@pytest.fixture(scope="session")
def dex_program() -> Path:
    found = find_dex()
    if found is None:
        leave_out("no real Dex on PATH or in $TESTBED_CACHE/bin")
    return found


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    """Our provider."""
    with run_stand_in(tmp_path_factory.mktemp("stand-in")) as config, httpx.Client(timeout=10) as http:
        yield Idp(config, "stand-in", http)


@pytest.fixture(scope="session")
def dex(dex_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Idp]:
    """The real one, with the same clients and users."""
    with run_real_dex(tmp_path_factory.mktemp("dex"), dex_program) as config, httpx.Client(timeout=10) as http:
        yield Idp(config, "dex", http)


@pytest.fixture(scope="session", params=["stand-in", "dex"])
def idp(request: pytest.FixtureRequest) -> Idp:
    """Each in turn."""
    found: Idp = request.getfixturevalue("stand_in" if request.param == "stand-in" else "dex")
    return found
