"""What an identity provider of a stack is told: one configuration for the stand-in and for the real Dex."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

DAY: Final = 24 * 60 * 60

BcryptHash = Annotated[str, msgspec.Meta(pattern=r"^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$")]


@dataclass(frozen=True, kw_only=True)
class IdpClient:
    """A confidential client. A redirect URI must be one of ``redirect_uris``, character by character."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]
    name: str = ""

    @property
    def display_name(self) -> str:
        """What the approval page calls it."""
        return self.name or self.id


@dataclass(frozen=True, kw_only=True)
class IdpUser:
    """A user of the password database, who signs in through the connector ``local``.

    Attributes:
        password_hash: bcrypt. The real Dex lets nobody in with a cost below 10 or above 16; the stand-in
            takes any, so that a test's sign-in can be fast.
        user_id: The id inside the connector; with the connector's name it makes the ``sub`` claim.
    """

    email: str
    password_hash: BcryptHash
    username: str
    user_id: str


@dataclass(frozen=True, kw_only=True)
class IdpConfig:
    """The whole configuration.

    Local users have no groups in Dex 2.41, so there are none here either.

    Attributes:
        issuer: Origin and path, ``http://localhost:5556/dex``; every path of the provider is below it.
        id_token_lifetime: Seconds that an ID token and its access token are valid for.
        auth_request_lifetime: Seconds that a person has to sign in.
        signing_key: PEM file of an RSA private key, made where it is missing. Without it a key is made
            at each start, which costs 50-200 ms. The real Dex always makes its own.
    """

    issuer: str
    clients: tuple[IdpClient, ...]
    users: tuple[IdpUser, ...]
    skip_approval_screen: bool = True
    id_token_lifetime: int = DAY
    auth_request_lifetime: int = DAY
    signing_key: Path | None = None

    def write(self, path: Path) -> None:
        """Write it as JSON, readable by its owner only: it holds client secrets."""
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self, enc_hook=str)))

    @classmethod
    def read(cls, path: Path) -> IdpConfig:
        """Read what :meth:`write` wrote.

        Raises:
            OSError: There is no such file.
            msgspec.ValidationError: It is not such a configuration; the message names the member.
        """
        return msgspec.json.decode(path.read_bytes(), type=cls, dec_hook=_decode)


def _decode(kind: type, value: object) -> object:
    return kind(value)
