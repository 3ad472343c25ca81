"""The secrets that a test reads and writes, in a real OpenBao."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

import hvac
import pytest

from pytest_plexdev.api.exchanges import ExchangeLog
from pytest_plexdev.core.model import Endpoints, Service, StackInfo
from pytest_plexdev.core.service_credentials import ServiceCredentials
from pytest_plexdev.errors import SERVER_DIED, PlexdevError
from pytest_plexdev.masking.rule import mask
from pytest_plexdev.testkit import secret_engine
from pytest_plexdev.testkit.secret_store import SecretStore, open_secret_store
from tests.support.openbao import TOKEN, OpenBaoServer

DOMAIN = "01985a00-0000-7000-8000-00000000ac01"
PASSWORD = "first-of-the-two-passwords"


class FakeStack:
    """As much of a stack as the secret store uses."""

    cluster = None

    def __init__(self, url: str, token: str = TOKEN) -> None:
        self.exchanges = ExchangeLog()
        self.death: PlexdevError | None = None
        self._url, self._token = url, token
        service = Service(name="openbao", version="2", log=Path("/logs/openbao.log"))
        endpoints = Endpoints(api="http://localhost:1", issuer="http://localhost:2")
        self.info = StackInfo(
            provider="embedded", id="x", directory=Path("/x"), endpoints=endpoints, started_at=0.0, services=(service,)
        )

    def url(self, service: str) -> str:
        return self._url

    def credentials(self, service: str) -> ServiceCredentials:
        return ServiceCredentials(secret=self._token)

    def died(self, patience: float) -> PlexdevError | None:
        return self.death


@pytest.fixture(scope="module")
def openbao(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OpenBaoServer]:
    server = OpenBaoServer(tmp_path_factory.mktemp("openbao"))
    yield server
    server.stop()


@pytest.fixture
def stack(openbao: OpenBaoServer) -> FakeStack:
    return FakeStack(openbao.url)


@pytest.fixture
def store(stack: FakeStack) -> Iterator[SecretStore]:
    with opened(stack) as store:
        yield store


def opened(stack: FakeStack, warn: Callable[[str], None] = pytest.fail) -> AbstractContextManager[SecretStore]:
    return open_secret_store(cast("Any", stack), warn=warn)


@pytest.fixture
def direct(openbao: OpenBaoServer) -> Any:
    """The engine without the secret store."""
    return hvac.Client(url=openbao.url, token=TOKEN).secrets.kv.v2


def test_what_was_written_is_read(store: SecretStore) -> None:
    versions = [store.write("db", {"password": PASSWORD}), store.write("db", {"password": "another", "port": 5432})]

    assert versions == [1, 2]
    assert store.read("db") == {"password": "another", "port": 5432}


def test_two_tests_do_not_see_each_other(store: SecretStore, stack: FakeStack) -> None:
    store.write("db", {"password": PASSWORD})

    with opened(stack) as other, pytest.raises(PlexdevError) as missing:
        other.read("db")
    assert missing.value.tag == "secret-missing"


def test_the_test_s_own_secrets_are_removed_afterwards(stack: FakeStack, direct: Any) -> None:
    with opened(stack) as store:
        store.write("a", {"x": "1"})
        store.write("b/c", {"x": "1"})
        store.of_domain(DOMAIN).write("idp", {"client_secret": PASSWORD})
        paths = [store.path("a"), store.path("b/c"), store.of_domain(DOMAIN).path("idp")]

    for path in paths:
        with pytest.raises(hvac.exceptions.InvalidPath):
            direct.read_secret_metadata(path, mount_point="secret")


def test_a_changed_secret_is_what_it_was_afterwards(openbao: OpenBaoServer, stack: FakeStack, direct: Any) -> None:
    for path in ("seeded/changed", "seeded/deleted"):
        openbao.write(path, client_secret="of-the-seed")

    with opened(stack) as store:
        store.write("/seeded/changed", {"client_secret": "wrong"})
        store.write("/seeded/changed", {"client_secret": "wrong again"})
        store.delete("/seeded/deleted")
        assert store.read("/seeded/changed") == {"client_secret": "wrong again"}

    for path in ("seeded/changed", "seeded/deleted"):
        answer = direct.read_secret_version(path, mount_point="secret", raise_on_deleted_version=True)
        assert answer["data"]["data"] == {"client_secret": "of-the-seed"}


def test_a_reference_is_below_its_domain(store: SecretStore) -> None:
    secrets = store.of_domain(DOMAIN)
    reference = secrets.reference("idp", "client_secret")

    assert reference == f"openbao:{secrets.path('idp')}#client_secret"
    assert secrets.path("idp").startswith(f"domains/{DOMAIN}/tests/")
    assert secrets.path("/domains/x") == "domains/x"


def test_a_missing_secret_names_what_is_beside_it(store: SecretStore) -> None:
    store.write("db", {"x": "1"})
    store.write("dc/deep", {"x": "1"})

    with pytest.raises(PlexdevError) as missing:
        store.read("bd")

    assert str(missing.value).splitlines()[:2] == [
        f"plexdev[secret-missing]: OpenBao has no secret at {store.path('bd')}",
        f"  why: none was written there, or it was deleted; {store.path('bd').removesuffix('bd')} has db, dc/",
    ]


@pytest.mark.parametrize("path", ["", "/", "../x", "/domains/../x", "a//b", "a/./b"])
def test_a_path_that_a_client_would_change_is_refused(store: SecretStore, path: str) -> None:
    with pytest.raises(PlexdevError) as caught:
        store.write(path, {"password": PASSWORD})

    assert caught.value.tag == "secret-path-invalid"


def test_deleting_nothing_is_no_error(store: SecretStore) -> None:
    store.delete("never-written")


def test_values_are_masked_from_then_on(store: SecretStore, stack: FakeStack, openbao: OpenBaoServer) -> None:
    openbao.write("seeded/known", token="a-token-that-the-seed-wrote")
    store.write("db", {"password": PASSWORD, "deep": {"key": "a-password-further-down"}})
    store.read("/seeded/known")

    assert stack.exchanges.secrets == {PASSWORD, "a-password-further-down", "a-token-that-the-seed-wrote"}


def test_a_number_is_masked_only_if_it_is_long(store: SecretStore, stack: FakeStack) -> None:
    store.write("db", {"account": 4000123412341234, "keys": [0.12345678901234], "port": 5432, "tls": True})

    assert mask("of 4000123412341234 at port 5432", stack.exchanges.secrets) == "of *** at port 5432"
    assert stack.exchanges.secrets == {"4000123412341234", "0.12345678901234"}


def test_a_refused_token_is_reported(openbao: OpenBaoServer) -> None:
    with opened(FakeStack(openbao.url, "another-token")) as store, pytest.raises(PlexdevError) as refused:
        store.write("db", {"x": "1"})

    first, why, fix = str(refused.value).splitlines()
    assert first.startswith(f"plexdev[openbao-failed]: OpenBao at {openbao.url} could not read tests/")
    assert first.endswith(": permission denied")
    assert "does not accept the token" in why
    assert fix == "  fix: read /logs/openbao.log"


def test_an_openbao_that_hangs_delays_the_end_of_a_test_once(
    openbao: OpenBaoServer, stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_engine, "_TIMEOUT_S", 1.0)
    lines: list[str] = []
    try:
        with opened(stack, lines.append) as store:
            paths = [store.path(f"number-{number}") for number in range(7)]
            for path in paths:
                store.write(f"/{path}", {"x": "1"})
            openbao.pause()
            paused = time.monotonic()
        delay = time.monotonic() - paused
    finally:
        openbao.resume()

    (line,) = lines
    assert delay < 3
    assert line == (
        f"secrets could not be restored: {', '.join(paths[:5])} and 2 more; "
        f"plexdev[openbao-failed]: OpenBao at {openbao.url} could not delete {paths[0]}: ReadTimeout"
    )


def test_an_openbao_that_ended_is_reported(openbao: OpenBaoServer, stack: FakeStack) -> None:
    openbao.stop()
    try:
        with opened(stack) as store:
            with pytest.raises(PlexdevError) as silent:
                store.read("db")
            stack.death = PlexdevError(SERVER_DIED, service="openbao", status="-9", cause="", log="x", restart="y")
            with pytest.raises(PlexdevError) as died:
                store.read("db")
    finally:
        openbao.start()

    assert silent.value.tag == "openbao-failed"
    assert "does not answer" in str(silent.value)
    assert died.value.tag == "server-died"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("text", "a secret is a mapping, not str"),
        ({"right": "x", "key": b"of-bytes"}, "the values of a secret are JSON, and key is not"),
    ],
)
def test_what_is_no_secret_is_refused(stack: FakeStack, values: Any, message: str) -> None:
    with opened(stack) as secrets:
        with pytest.raises(TypeError, match=message):
            secrets.write("agent", values)

        assert "agent" not in str(stack.exchanges)
