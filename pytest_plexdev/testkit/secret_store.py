"""Read and write secrets in the stack's OpenBao, and undo afterwards what a test changed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.extras import need
from pytest_plexdev.core.poll import poll
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import OPENBAO_FAILED, SECRET_MISSING, SECRET_PATH_INVALID
from pytest_plexdev.testkit.stack import log_location

if TYPE_CHECKING:
    import hvac

    from pytest_plexdev.testkit.stack import Stack

SERVICE: Final = "openbao"
EXTRA: Final = "full"
"""The extra that installs OpenBao's client."""
MOUNT: Final = "secret"
"""Where the KV v2 engine is mounted."""
_TIMEOUT_S: Final = 10.0
_REOPENS_IN_S: Final = 2.0
"""Seconds in which a port-forward notices that its Pod is gone."""


class _Engine:
    """The KV v2 engine. It remembers what the secrets were before the first change."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._token = stack.credentials(SERVICE).secret
        self._client = self._connect()
        self._log = log_location(stack.info, SERVICE)
        self._add_known = stack.exchanges.add_secrets
        self._before: dict[str, dict[str, Any] | None] = {}

    def read(self, path: str) -> dict[str, Any] | None:
        answer = self._call(
            "read", path, lambda kv: kv.read_secret_version(path, mount_point=MOUNT, raise_on_deleted_version=True)
        )
        values: dict[str, Any] | None = answer and answer["data"]["data"]
        self._add_known(_texts(values or {}))
        return values

    def write(self, path: str, values: Mapping[str, object]) -> int:
        self._remember(path)
        self._add_known(_texts(values))
        return self._put(path, values)

    def delete(self, path: str) -> None:
        self._remember(path)
        self._remove(path)

    def missing(self, path: str) -> PlexdevError:
        parent = path.rpartition("/")[0]
        listing = self._call("list", parent, lambda kv: kv.list_secrets(parent, mount_point=MOUNT))
        names = ", ".join(listing["data"]["keys"]) if listing else "nothing"
        return PlexdevError(SECRET_MISSING, path=path, siblings=f"{parent}/ has {names}")

    def undo(self) -> None:
        """Give every changed secret its former values. Best effort: an OpenBao that is gone has lost them anyway."""
        for path, values in self._before.items():
            with contextlib.suppress(PlexdevError):
                self._remove(path) if values is None else self._put(path, values)
        self._before = {}

    def close(self) -> None:
        self._client.adapter.close()

    def _connect(self) -> hvac.Client:
        import hvac

        client = hvac.Client(
            url=self._stack.url(SERVICE), token=self._token, verify=True, timeout=_TIMEOUT_S, allow_redirects=False
        )
        # A proxy from the environment cannot reach a server of this machine.
        client.session.trust_env = False
        return client

    def _has_moved(self) -> bool:
        """Connect anew if OpenBao has another address: a port-forward ends with its Pod, and opens again."""
        if self._stack.cluster is None:
            return False
        before: str = self._client.url
        url = poll(lambda: self._stack.url(SERVICE), until=before.__ne__, every_s=0.1, timeout_s=_REOPENS_IN_S)
        if url != before:
            self.close()
            self._client = self._connect()
        return url != before

    def _remember(self, path: str) -> None:
        if path not in self._before:
            self._before[path] = self.read(path)

    def _put(self, path: str, values: Mapping[str, object]) -> int:
        answer = self._call(
            "write", path, lambda kv: kv.create_or_update_secret(path, secret=dict(values), mount_point=MOUNT)
        )
        version: int = answer["data"]["version"]
        return version

    def _remove(self, path: str) -> None:
        self._call("delete", path, lambda kv: kv.delete_metadata_and_all_versions(path, mount_point=MOUNT))

    def _call(self, verb: str, path: str, request: Callable[[Any], Any]) -> Any:
        """Return the answer; ``None`` if there is no such secret."""
        import hvac.exceptions

        try:
            try:
                return request(self._client.secrets.kv.v2)
            except OSError:  # the errors of requests
                if not self._has_moved():
                    raise
                return request(self._client.secrets.kv.v2)
        except hvac.exceptions.VaultError as error:
            # Without a reason, 404 means that nothing is there; with one, that the engine is not mounted.
            if isinstance(error, hvac.exceptions.InvalidPath) and not error.errors:
                return None
            reason = "; ".join(error.errors or ()) or type(error).__name__
            why = "it answers, but refuses the request"
            if isinstance(error, (hvac.exceptions.Forbidden, hvac.exceptions.VaultDown)):
                why = "it answers, but is sealed or does not accept the token"
            raise self._failed(verb, path, reason, why) from None
        except OSError as error:
            died = self._stack.died(0.5)
            why = "it does not answer: it has ended, or is starting"
            raise died or self._failed(verb, path, type(error).__name__, why) from None

    def _failed(self, verb: str, path: str, reason: str, why: str) -> PlexdevError:
        facts = {"verb": verb, "path": path, "reason": reason, "why": why, "log": self._log}
        return PlexdevError(OPENBAO_FAILED, url=self._client.url, **facts)


class SecretStore:
    """The secrets of the stack's OpenBao, in its KV v2 engine ``secret``.

    A path is below one that only this test has; one that begins with ``/`` is a path of the whole engine, such as
    ``/domains/<id>/dex``. After the test all secrets that it wrote or deleted are what they were before.

    Example::

        def test_a_secret_has_versions(plexdev_secrets):
            assert plexdev_secrets.write("db", {"password": "first-of-two"}) == 1
            assert plexdev_secrets.write("db", {"password": "second-of-two"}) == 2
            assert plexdev_secrets.read("db") == {"password": "second-of-two"}
    """

    def __init__(self, engine: _Engine, root: str) -> None:
        self._engine = engine
        self._root = root

    def path(self, path: str) -> str:
        """Return a path of the whole engine, without the mount.

        Raises:
            PlexdevError: ``secret-path-invalid``: a segment is empty, ``.`` or ``..``.
        """
        below = path.removeprefix("/")
        if not {"", ".", ".."}.isdisjoint(below.split("/")):
            raise PlexdevError(SECRET_PATH_INVALID, path=path)
        return below if path.startswith("/") else f"{self._root}/{below}"

    def write(self, path: str, values: Mapping[str, object]) -> int:
        """Write a new version of a secret. Its texts are masked from now on in everything that is reported.

        Returns:
            The version.

        Raises:
            PlexdevError: ``openbao-failed``; ``server-died``.
        """
        return self._engine.write(self.path(path), values)

    def read(self, path: str) -> Mapping[str, Any]:
        """Read the current version of a secret.

        Raises:
            PlexdevError: ``secret-missing``; ``openbao-failed``; ``server-died``.
        """
        values = self._engine.read(self.path(path))
        if values is None:
            raise self._engine.missing(self.path(path))
        return values

    def delete(self, path: str) -> None:
        """Delete a secret with all its versions; one that does not exist is no error.

        Raises:
            PlexdevError: ``openbao-failed``; ``server-died``.
        """
        self._engine.delete(self.path(path))

    def of_domain(self, domain_id: str) -> DomainSecrets:
        """Return the secrets that an IdP binding of this Domain may refer to.

        Example::

            def test_a_sign_in_with_a_secret_of_the_test(plexdev_secrets, plexdev_tenant):
                secrets = plexdev_secrets.of_domain(plexdev_tenant.domain_id)
                secrets.write("idp", {"client_secret": "plexsphere-test-secret"})
                plexdev_tenant.rebind(client_secret_ref=secrets.reference("idp", "client_secret"))
                assert plexdev_tenant.login.whoami().domain_id == plexdev_tenant.domain_id
        """
        return DomainSecrets(self._engine, f"domains/{domain_id}/{self._root}")


class DomainSecrets(SecretStore):
    """The secrets of a Domain: a path is below ``domains/<id>/`` and below one that only this test has.

    Example::

        def test_a_reference_names_path_and_key(plexdev_secrets, plexdev_tenant):
            secrets = plexdev_secrets.of_domain(plexdev_tenant.domain_id)
            reference = secrets.reference("idp", "client_secret")
            assert reference == f"openbao:{secrets.path('idp')}#client_secret"
    """

    def reference(self, path: str, key: str) -> str:
        """Return the ``client_secret_ref`` by which an IdP binding of the Domain names a key of a secret."""
        return f"openbao:{self.path(path)}#{key}"


@contextlib.contextmanager
def open_secret_store(stack: Stack) -> Iterator[SecretStore]:
    """Connect to the stack's OpenBao; at the end undo what was changed.

    Raises:
        PlexdevError: ``extra-missing``; ``service-left-out``; the errors of a port-forward.
    """
    need(EXTRA, "hvac")
    engine = _Engine(stack)
    try:
        yield SecretStore(engine, f"tests/{secrets.token_hex(6)}")
    finally:
        engine.undo()
        engine.close()


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)
