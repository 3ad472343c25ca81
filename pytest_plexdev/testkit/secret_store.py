"""Read and write secrets in the stack's OpenBao, and undo afterwards what a test changed."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from types import NoneType
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.extras import need
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import SECRET_PATH_INVALID
from pytest_plexdev.testkit.secret_engine import SecretEngine

if TYPE_CHECKING:
    from pytest_plexdev.testkit.stack import Stack

EXTRA: Final = "full"
"""The extra that installs OpenBao's client."""
_JSON: Final = (str, int, float, Mapping, list, tuple, NoneType)
__tracebackhide__ = True  # pytest shows a failure at the test's line, not here


class SecretStore:
    """The secrets of the stack's OpenBao, in its KV v2 engine ``secret``.

    A path is below one that only this test has; one that begins with ``/`` is a path of the whole engine, such as
    ``/domains/<id>/dex``. After the test all secrets that it wrote or deleted have their former values, as new
    versions.

    Example::

        def test_a_secret_has_versions(plexdev_secrets):
            assert plexdev_secrets.write("db", {"password": "first-of-two"}) == 1
            assert plexdev_secrets.write("db", {"password": "second-of-two"}) == 2
            assert plexdev_secrets.read("db") == {"password": "second-of-two"}
    """

    def __init__(self, engine: SecretEngine, root: str) -> None:
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
        """Write a new version of a secret.

        Its texts and numbers of 16 characters and more are masked from now on in everything that is reported.

        Returns:
            The version.

        Raises:
            PlexdevError: ``openbao-failed``; ``server-died``.
            TypeError: *values* is no mapping, or has something that JSON has not.
        """
        if not isinstance(values, Mapping):
            raise TypeError(f"a secret is a mapping, not {type(values).__name__}: {{'password': …}}")
        # Before anything is sent, and without the value, which is secret.
        if odd := [str(key) for key, value in values.items() if not isinstance(value, _JSON)]:
            raise TypeError(
                f"the values of a secret are JSON, and {', '.join(odd)} is not; of bytes: base64 or decode()"
            )
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
def open_secret_store(stack: Stack, *, warn: Callable[[str], None]) -> Iterator[SecretStore]:
    """Connect to the stack's OpenBao; at the end undo what was changed.

    Args:
        warn: Called with a line if not everything could be undone.

    Raises:
        PlexdevError: ``extra-missing``; ``service-left-out``; the errors of a port-forward.
    """
    need(EXTRA, "hvac")
    engine = SecretEngine(stack)
    try:
        yield SecretStore(engine, f"tests/{secrets.token_hex(6)}")
    finally:
        if line := engine.undo():
            warn(line)
        engine.close()
