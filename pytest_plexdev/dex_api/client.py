"""Create and delete users of a running Dex, or of its stand-in, over gRPC."""

from __future__ import annotations

from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from pytest_plexdev.errors import PlexdevError
from pytest_plexdev.errors.sign_in import IDP_USERS

if TYPE_CHECKING:
    from collections.abc import Iterator

SERVICE: Final = "api.Dex"
_DEADLINE_S: Final = 10.0
"""For one call."""
_CHANNEL_OPTIONS: Final = (
    # A proxy from the environment cannot resolve local names.
    ("grpc.enable_http_proxy", 0),
    # The stand-in starts its API when the first client connects, and is there 0.1 s later.
    ("grpc.initial_reconnect_backoff_ms", 20),
    ("grpc.max_reconnect_backoff_ms", 200),
)


class DexApi:
    """Dex's API at a gRPC target, ``host:port``. Use it as a context manager.

    Every call raises :class:`PlexdevError` ``idp-users`` if Dex refuses it or does not answer.
    """

    def __init__(self, target: str) -> None:
        import grpc

        self._target = target
        self._channel = grpc.insecure_channel(target, options=_CHANNEL_OPTIONS)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()

    def create_user(self, email: str, *, password_hash: str, username: str, user_id: str) -> bool:
        """Create a user who signs in with a password.

        Args:
            password_hash: bcrypt, of a cost from 10 to 16.
            user_id: Unique; the ``sub`` of the user derives from it.

        Returns:
            Whether the user was created; false: one with this address exists, and is unchanged.
        """
        from pytest_plexdev.dex_api import passwords_pb2 as wire

        call = self._channel.unary_unary(
            f"/{SERVICE}/CreatePassword",
            request_serializer=wire.CreatePasswordReq.SerializeToString,
            response_deserializer=wire.CreatePasswordResp.FromString,
        )
        password = wire.Password(email=email, hash=password_hash.encode(), username=username, user_id=user_id)
        with self._errors(email):
            answer = call(wire.CreatePasswordReq(password=password), timeout=_DEADLINE_S, wait_for_ready=True)
        return not answer.already_exists

    def delete_user(self, email: str) -> bool:
        """Delete a user; return whether there was one. Who is signed in stays so."""
        from pytest_plexdev.dex_api import passwords_pb2 as wire

        call = self._channel.unary_unary(
            f"/{SERVICE}/DeletePassword",
            request_serializer=wire.DeletePasswordReq.SerializeToString,
            response_deserializer=wire.DeletePasswordResp.FromString,
        )
        with self._errors(email):
            answer = call(wire.DeletePasswordReq(email=email), timeout=_DEADLINE_S, wait_for_ready=True)
        return not answer.not_found

    @contextmanager
    def _errors(self, email: str) -> Iterator[None]:
        import grpc

        try:
            yield
        except grpc.RpcError as error:
            details = getattr(error, "details", None)  # of the errors of calls; a closed channel's has none
            reason = details() if callable(details) else error
            raise PlexdevError(IDP_USERS, user=email, target=self._target, reason=reason) from None
