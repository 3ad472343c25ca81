"""Start a signer, and call it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

import grpc

from plexsphere_reference.signer import signing_pb2 as wire
from plexsphere_reference.signer.signing_pb2_grpc import SigningStub

if TYPE_CHECKING:
    # Generic only for mypy: at run time, grpc's class has no parameters.
    _Interceptor = grpc.UnaryUnaryClientInterceptor[Any, Any]
else:
    _Interceptor = grpc.UnaryUnaryClientInterceptor

_START: Final = 10
_TIMEOUT_S: Final = 10


class Calls(Protocol):
    """The methods of the generated stub, which is not typed."""

    PublicKey: grpc.UnaryUnaryMultiCallable[wire.PublicKeyRequest, wire.Key]
    Sign: grpc.UnaryUnaryMultiCallable[wire.SignRequest, wire.SignResponse]
    OpenRotation: grpc.UnaryUnaryMultiCallable[wire.OpenRotationRequest, wire.OpenRotationResponse]
    CloseRotation: grpc.UnaryUnaryMultiCallable[wire.CloseRotationRequest, wire.CloseRotationResponse]


_calls_on: Callable[[grpc.Channel], Calls] = SigningStub


@dataclass(frozen=True)
class Signer:
    """A running signer: its gRPC target, and a stub for it."""

    endpoint: str
    stub: Calls
    process: subprocess.Popen[bytes]
    log: Path


class _Deadline(_Interceptor):
    """Ends a call that the signer never answers, so that a test fails rather than hangs."""

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:
        return continuation(details._replace(timeout=details.timeout or _TIMEOUT_S), request)


@contextmanager
def running_signer(database_url: str, directory: Path) -> Iterator[Signer]:
    """Start the program and wait for its port file. It is terminated when the block ends."""
    directory.mkdir(exist_ok=True)
    port_file, log = directory / "port", directory / "log"
    command = [sys.executable, "-m", "plexsphere_reference", "signer"]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--listen", "127.0.0.1:0", "--port-file", str(port_file)],
            env={**os.environ, "PLEXSPHERE_DATABASE_URL": database_url},
            stderr=output,
        )
    deadline = time.monotonic() + _START
    while not port_file.exists():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, f"no port file after {_START} s"
        time.sleep(0.002)
    endpoint = f"127.0.0.1:{int(port_file.read_text())}"
    try:
        with grpc.insecure_channel(endpoint) as channel:
            yield Signer(endpoint, _calls_on(grpc.intercept_channel(channel, _Deadline())), process, log)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=5)
