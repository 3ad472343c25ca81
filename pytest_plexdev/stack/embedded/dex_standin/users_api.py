"""Serve the part of Dex's gRPC API that creates and deletes users, with Dex's checks and texts of refusals."""

from __future__ import annotations

import logging
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final, NoReturn

import msgspec

from pytest_plexdev.stack.embedded.dex_standin.config import BcryptHash, IdpUser
from pytest_plexdev.stack.embedded.dex_standin.users import ReadOnlyUserError

if TYPE_CHECKING:
    import grpc

    from pytest_plexdev.dex_api import passwords_pb2 as wire
    from pytest_plexdev.stack.embedded.dex_standin.users import Users

_log: Final = logging.getLogger(__name__)


def serve_in_background(users: Users, address: str) -> None:
    """Serve the API at *address* (``host:port``) from a thread."""
    threading.Thread(target=_serve, args=(users, address), name="users-api", daemon=True).start()


def _serve(users: Users, address: str) -> None:
    _await_first_client(address)
    import grpc

    from pytest_plexdev.dex_api import passwords_pb2 as wire
    from pytest_plexdev.dex_api.client import SERVICE

    methods = _Methods(users)
    handlers = {
        "CreatePassword": grpc.unary_unary_rpc_method_handler(
            methods.create_password,
            request_deserializer=wire.CreatePasswordReq.FromString,
            response_serializer=wire.CreatePasswordResp.SerializeToString,
        ),
        "DeletePassword": grpc.unary_unary_rpc_method_handler(
            methods.delete_password,
            request_deserializer=wire.DeletePasswordReq.FromString,
            response_serializer=wire.DeletePasswordResp.SerializeToString,
        ),
    }
    # Without SO_REUSEPORT: the port is reserved by a socket that does not set it.
    server = grpc.server(ThreadPoolExecutor(max_workers=1), options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    server.add_insecure_port(address)
    server.start()
    _log.info("serving the API for users at %s", address)
    server.wait_for_termination()


def _await_first_client(address: str) -> None:
    """Return once a client connects, whose connection is closed: gRPC's clients connect again.

    Few runs create users. Importing gRPC at each start would take 60 ms of processor time from the bring-up.
    """
    host, _, port = address.rpartition(":")
    with socket.create_server((host, int(port))) as listener:
        listener.accept()[0].close()


class _Methods:
    def __init__(self, users: Users) -> None:
        self._users = users

    def create_password(
        self, request: wire.CreatePasswordReq, context: grpc.ServicerContext
    ) -> wire.CreatePasswordResp:
        from pytest_plexdev.dex_api import passwords_pb2 as wire

        password = request.password
        if not request.HasField("password"):
            _refuse(context, "no password supplied")
        if not password.user_id:
            _refuse(context, "no user ID supplied")
        if not password.hash:
            _refuse(context, "no hash of password supplied")
        try:
            password_hash = msgspec.convert(password.hash.decode("ascii", "replace"), BcryptHash)
        except msgspec.ValidationError as error:
            _refuse(context, f"parsing bcrypt hash: {error}")
        user = IdpUser(
            email=password.email,
            password_hash=password_hash,
            username=password.username,
            user_id=password.user_id,
        )
        try:
            return wire.CreatePasswordResp(already_exists=not self._users.create(user))
        except ReadOnlyUserError:
            _refuse(context, "create password: static passwords: read-only cannot create password")

    def delete_password(
        self, request: wire.DeletePasswordReq, context: grpc.ServicerContext
    ) -> wire.DeletePasswordResp:
        from pytest_plexdev.dex_api import passwords_pb2 as wire

        if not request.email:
            _refuse(context, "no email supplied")
        try:
            return wire.DeletePasswordResp(not_found=not self._users.delete(request.email))
        except ReadOnlyUserError:
            _refuse(context, "delete password: static passwords: read-only cannot delete password")


def _refuse(context: grpc.ServicerContext, details: str) -> NoReturn:
    import grpc

    context.abort(grpc.StatusCode.UNKNOWN, details)
    raise AssertionError("abort raises")
