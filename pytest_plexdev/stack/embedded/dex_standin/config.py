"""The configuration of a stack's identity provider, shared by the stand-in and the real Dex."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import msgspec

DAY: Final = 24 * 60 * 60

BcryptHash = Annotated[str, msgspec.Meta(pattern=r"^\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}$")]


@dataclass(frozen=True, kw_only=True)
class IdpClient:
    """A confidential client. A redirect URI must equal one of ``redirect_uris`` exactly."""

    id: str
    secret: str
    redirect_uris: tuple[str, ...]
    name: str = ""

    @property
    def display_name(self) -> str:
        """The name on the approval page."""
        return self.name or self.id


@dataclass(frozen=True, kw_only=True)
class IdpUser:
    """A user of the password database, who signs in through the connector ``local``.

    Attributes:
        password_hash: bcrypt. The real Dex rejects costs below 10 and above 16; the stand-in accepts any, so that
            sign-ins of tests can be fast.
        user_id: The id inside the connector. Together with the connector's name it forms the ``sub`` claim.
    """

    email: str
    password_hash: BcryptHash
    username: str
    user_id: str


@dataclass(frozen=True, kw_only=True)
class IdpConfig:
    """The configuration of one identity provider.

    It has no groups, because local users of Dex 2.41 have none.

    Attributes:
        issuer: Origin and path, for example ``http://localhost:5556/dex``; all paths of the provider are below it.
        id_token_lifetime: Lifetime of an ID token and its access token in seconds.
        auth_request_lifetime: Seconds within which the user must sign in.
        signing_key: PEM file of an RSA private key, generated if it is missing. With ``None`` a key is generated at
            each start, which takes 50-200 ms. The real Dex always generates its own.
        api_address: ``host:port`` of the gRPC API that creates users. With ``None`` there is none. It does not
            authenticate its clients.
    """

    issuer: str
    clients: tuple[IdpClient, ...]
    users: tuple[IdpUser, ...]
    skip_approval_screen: bool = True
    id_token_lifetime: int = DAY
    auth_request_lifetime: int = DAY
    signing_key: Path | None = None
    api_address: str | None = None

    def write(self, path: Path) -> None:
        """Write the configuration as JSON, readable by its owner only, because it contains client secrets."""
        path.touch(mode=0o600)
        path.write_bytes(msgspec.json.format(msgspec.json.encode(self, enc_hook=str)))

    @classmethod
    def read(cls, path: Path) -> IdpConfig:
        """Read what :meth:`write` wrote.

        Raises:
            OSError: The file cannot be read.
            msgspec.ValidationError: The content is invalid; the message names the member.
        """
        return msgspec.json.decode(path.read_bytes(), type=cls, dec_hook=_decode)


def _decode(kind: type, value: object) -> object:
    return kind(value)
