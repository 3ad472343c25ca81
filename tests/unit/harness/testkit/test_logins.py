"""The cached logins of a run: used only if they are undamaged, private, and valid for another minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from pytest_plexdev.api import Client, Transport
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.testkit.login import RENEW_BEFORE, Login, Logins
from tests.support.damage import DAMAGES

KEPT = b'{"token":"psk_dev_kept","expires_at":1000.0}'


@dataclass(frozen=True)
class Target:
    domain_id: str = "domain"
    binding_id: str = "binding"
    admin: str = "admin@example.com"


class SignedInAgain(AssertionError):
    """A sign-in was sent to the API, so the cached login was not used."""


def refuse(request: httpx.Request) -> httpx.Response:
    raise SignedInAgain(request.url.path)


@dataclass
class World:
    logins: Logins
    directory: Path
    now: float = 0.0

    def kept(self) -> Path:
        """The file for the login of the default user, which does not exist yet."""
        with pytest.raises(SignedInAgain):
            self.logins(Target())
        return self.file(".json")

    def file(self, suffix: str) -> Path:
        (lock,) = self.directory.glob("*.lock")
        return lock.with_suffix(suffix)

    def recall(self) -> Login:
        return self.logins(Target())


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with httpx.Client(transport=httpx.MockTransport(refuse)) as http:
        client = Client(Transport("http://localhost", http=http))
        directory = tmp_path / "logins"
        made: World = World(Logins(client, directory, log="the log", clock=lambda: made.now), directory)
        yield made


def keep(path: Path, content: bytes = KEPT) -> None:
    path.write_bytes(content)
    path.chmod(0o600)


def test_a_kept_login_is_handed_out_and_asks_nobody(world: World) -> None:
    keep(world.kept())

    login = world.recall()

    assert (login.token, login.expires_at, login.user, login.domain_id) == (
        "psk_dev_kept",
        1000.0,
        "admin@example.com",
        "domain",
    )
    assert "psk_dev_kept" not in repr(login)


def test_a_kept_login_is_renewed_a_minute_before_its_end(world: World) -> None:
    keep(world.kept())

    world.now = 1000.0 - RENEW_BEFORE - 1
    assert world.recall().token == "psk_dev_kept"
    world.now += 1
    with pytest.raises(SignedInAgain):
        world.recall()


@pytest.mark.parametrize(
    ("target", "user", "password"),
    [
        (Target(domain_id="another"), None, "password"),
        (Target(binding_id="another"), None, "password"),
        (Target(), "member@example.com", "password"),
        (Target(), None, "wrong"),
    ],
)
def test_a_kept_login_is_nobody_elses(world: World, target: Target, user: str | None, password: str) -> None:
    keep(world.kept())

    with pytest.raises(SignedInAgain):
        world.logins(target, user=user, password=password)


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("suffix", [".json", ".lock"])
def test_a_damaged_login_is_none_or_refused_by_name(world: World, suffix: str, damage: str) -> None:
    keep(world.kept())
    path = world.file(suffix)
    DAMAGES[damage](path)

    if damage in ("fifo", "directory", "link", "link to nothing"):
        with pytest.raises(PlexdevError) as refusal:
            world.recall()
        assert refusal.value.tag == "untrusted-path"
        assert f"{path} is not trusted" in str(refusal.value)
    elif suffix == ".json":
        with pytest.raises(SignedInAgain):
            world.recall()
    else:
        assert world.recall().token == "psk_dev_kept"


@pytest.mark.parametrize("name", ["acme-corp", None, object()])
def test_what_is_no_tenant_is_named(world: World, name: object) -> None:
    with pytest.raises(TypeError, match=r"pass a tenant( or the slug of a seeded one)?"):
        world.logins(name)  # type: ignore[arg-type]


def test_what_is_kept_is_in_files_of_this_user_alone(world: World) -> None:
    keep(world.kept())
    world.recall()

    modes = {path.name: path.stat().st_mode & 0o777 for path in (world.directory, *world.directory.iterdir())}
    assert modes.pop("logins") == 0o700
    assert set(modes.values()) == {0o600}
    assert len(modes) == 2
