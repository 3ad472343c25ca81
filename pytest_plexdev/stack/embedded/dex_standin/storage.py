"""In-memory storage of pending sign-ins, codes and refresh tokens. The real Dex uses its memory storage here too."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_plexdev.stack.embedded.dex_standin.config import IdpClient, IdpUser

CODE_LIFETIME: Final = 30 * 60


def new_id() -> str:
    """Return an id of about 125 random bits in Dex's alphabet."""
    return secrets.choice("abcdefghijklmnopqrstuvwxyz") + base64.b32encode(
        secrets.token_bytes(15)
    ).decode().lower().rstrip("=")


@dataclass(frozen=True, kw_only=True)
class AuthRequest:
    """A pending sign-in of a client. ``user`` is set once the password was verified."""

    client: IdpClient
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str
    nonce: str
    code_challenge: str
    challenge_method: str
    force_approval: bool
    expires_at: float
    id: str = field(default_factory=new_id)
    mac_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    user: IdpUser | None = None


@dataclass(frozen=True, kw_only=True)
class Grant:
    """A user's consent to a client: the content of every token."""

    client_id: str
    user: IdpUser
    scopes: tuple[str, ...]
    nonce: str


@dataclass(frozen=True, kw_only=True)
class AuthCode:
    """An authorization code: valid once, for the client that began the sign-in."""

    grant: Grant
    redirect_uri: str
    code_challenge: str
    challenge_method: str
    expires_at: float
    id: str = field(default_factory=new_id)


@dataclass(frozen=True, kw_only=True)
class RefreshToken:
    """A refresh token. ``secret`` changes with each use, ``id`` does not."""

    grant: Grant
    created_at: float
    id: str = field(default_factory=new_id)
    secret: str = field(default_factory=new_id)

    def rotated(self) -> RefreshToken:
        return replace(self, secret=new_id())


class _Expiring(Protocol):
    @property
    def id(self) -> str: ...
    @property
    def expires_at(self) -> float: ...


_Record = TypeVar("_Record", bound=_Expiring)


class ExpiringStore(Generic[_Record]):
    """Records that all have the same lifetime, so the oldest expires first.

    Expired records are kept for five minutes, Dex's garbage collection interval: Dex reports an expired record and a
    missing one differently.
    """

    _EXPIRED_KEPT_S: Final = 5 * 60

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_id: dict[str, _Record] = {}

    def put(self, record: _Record) -> None:
        self._by_id[record.id] = record

    def get(self, record_id: str) -> _Record | None:
        self._collect_garbage()
        return self._by_id.get(record_id)

    def pop(self, record_id: str) -> _Record | None:
        return self._by_id.pop(record_id, None)

    def _collect_garbage(self) -> None:
        until = self._clock() - self._EXPIRED_KEPT_S
        while self._by_id:
            oldest = next(iter(self._by_id.values()))
            if oldest.expires_at > until:
                return
            del self._by_id[oldest.id]


class RefreshTokens:
    """Refresh tokens by id. A client has one per user, the newest."""

    def __init__(self) -> None:
        self._by_id: dict[str, RefreshToken] = {}
        self._id_by_owner: dict[tuple[str, str], str] = {}

    def get(self, token_id: str) -> RefreshToken | None:
        return self._by_id.get(token_id)

    def put(self, token: RefreshToken) -> None:
        owner = (token.grant.client_id, token.grant.user.user_id)
        self._by_id.pop(self._id_by_owner.get(owner, ""), None)
        self._id_by_owner[owner] = token.id
        self._by_id[token.id] = token


class Storage:
    """The records of one provider."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.auth_requests: ExpiringStore[AuthRequest] = ExpiringStore(clock)
        self.codes: ExpiringStore[AuthCode] = ExpiringStore(clock)
        self.refresh_tokens = RefreshTokens()
