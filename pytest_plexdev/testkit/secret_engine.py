"""Send requests to the KV v2 engine of the stack's OpenBao, and undo what they changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from pytest_plexdev.core.clock import monotonic
from pytest_plexdev.core.poll import poll
from pytest_plexdev.core.text import abbreviated
from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.services import OPENBAO_FAILED, SECRET_MISSING
from pytest_plexdev.testkit.stack import log_location

if TYPE_CHECKING:
    import hvac

    from pytest_plexdev.testkit.stack import Stack

SERVICE: Final = "openbao"
MOUNT: Final = "secret"
"""Where the KV v2 engine is mounted."""
_TIMEOUT_S: Final = 10.0
"""Of one request, and of all requests that undo what a test changed."""
_REOPENS_IN_S: Final = 2.0
"""Seconds in which a port-forward notices that its Pod is gone."""


class SecretEngine:
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
        self._add_known(_texts_of(values or {}))
        return values

    def write(self, path: str, values: Mapping[str, object]) -> int:
        self._remember(path)
        self._add_known(_texts_of(values))
        return self._put(path, values)

    def delete(self, path: str) -> None:
        self._remember(path)
        self._remove(path)

    def missing(self, path: str) -> PlexdevError:
        parent = path.rpartition("/")[0]
        listing = self._call("list", parent, lambda kv: kv.list_secrets(parent, mount_point=MOUNT))
        names = ", ".join(listing["data"]["keys"]) if listing else "nothing"
        return PlexdevError(SECRET_MISSING, path=path, siblings=f"{parent}/ has {names}")

    def undo(self) -> str:
        """Give every changed secret its former values, within ten seconds for all of them.

        Returns:
            One line about the secrets for which that failed; empty if there is none.
        """
        deadline = monotonic() + _TIMEOUT_S
        reasons = {path: reason for path in self._before if (reason := self._restore(path, deadline))}
        self._before = {}
        if not reasons:
            return ""
        return f"secrets could not be restored: {abbreviated(reasons, 5)}; {next(iter(reasons.values()))}"

    def close(self) -> None:
        self._client.adapter.close()

    def _restore(self, path: str, deadline: float) -> str:
        """Return the reason if it fails, or an empty text."""
        timeout_s = deadline - monotonic()
        if timeout_s <= 0:
            return "the time was up"
        values = self._before[path]
        try:
            self.close()
            self._client = self._connect(timeout_s)
            self._remove(path) if values is None else self._put(path, values)
        except PlexdevError as error:
            return error.headline
        return ""

    def _connect(self, timeout_s: float = _TIMEOUT_S) -> hvac.Client:
        import hvac

        client = hvac.Client(
            url=self._stack.url(SERVICE), token=self._token, verify=True, timeout=timeout_s, allow_redirects=False
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


def _texts_of(value: object) -> Iterator[str]:
    """Yield the texts in *value*, at any depth, and its numbers as they are printed."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, Mapping | list | tuple):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts_of(each)
