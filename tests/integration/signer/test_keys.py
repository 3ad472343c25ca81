"""The four RPCs over real gRPC and a real Postgres."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from plexsphere_reference.signer import signing_pb2 as wire
from tests.support.signers import Signer, running_signer


@pytest.fixture
def scope() -> str:
    return f"domain:{uuid.uuid4()}"


def refusal(call: Callable[[], object]) -> tuple[grpc.StatusCode, str | None]:
    """The status and the details that a call is refused with."""
    with pytest.raises(grpc.RpcError) as refused:
        call()
    return refused.value.code(), refused.value.details()


def test_the_key_of_a_scope_is_created_on_first_use_and_stays(signer: Signer, scope: str) -> None:
    first = signer.stub.PublicKey(wire.PublicKeyRequest(scope=scope))
    again = signer.stub.PublicKey(wire.PublicKeyRequest(scope=scope))

    assert (len(first.public_key), first.scope, first.state) == (32, scope, wire.KEY_STATE_ACTIVE)
    assert again == first
    assert signer.stub.PublicKey(wire.PublicKeyRequest(scope="platform")).key_id != first.key_id


def test_a_signature_verifies_with_the_scope_s_public_key(signer: Signer, scope: str) -> None:
    signature = signer.stub.Sign(wire.SignRequest(scope=scope, payload=b"envelope"))
    key = signer.stub.PublicKey(wire.PublicKeyRequest(scope=scope))

    Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature.signature, b"envelope")
    assert signature.key_id == key.key_id


def test_two_signers_asked_at_once_agree_on_one_first_key(
    signer: Signer, signer_database: str, scope: str, tmp_path: Path
) -> None:
    with running_signer(signer_database, tmp_path / "other") as other, ThreadPoolExecutor(16) as pool:
        calls = [
            pool.submit(stub.PublicKey, wire.PublicKeyRequest(scope=scope))
            for _ in range(8)
            for stub in (signer.stub, other.stub)
        ]
        keys = {call.result().key_id for call in calls}

    assert len(keys) == 1


def test_a_rotation_keeps_the_previous_key_until_it_is_closed(signer: Signer, scope: str) -> None:
    old = signer.stub.PublicKey(wire.PublicKeyRequest(scope=scope))
    opened = signer.stub.OpenRotation(wire.OpenRotationRequest(scope=scope))
    during = signer.stub.PublicKey(wire.PublicKeyRequest(scope=scope, key_id=old.key_id))
    signed_by = signer.stub.Sign(wire.SignRequest(scope=scope, payload=b"x")).key_id
    closed = signer.stub.CloseRotation(wire.CloseRotationRequest(scope=scope))

    assert opened.rotating.key_id == old.key_id == closed.retired.key_id
    assert (during.state, during.public_key) == (wire.KEY_STATE_ROTATING, old.public_key)
    assert signed_by == opened.active.key_id == closed.active.key_id != old.key_id
    assert closed.retired.state == wire.KEY_STATE_RETIRED


def test_a_retired_key_s_private_half_is_destroyed(signer: Signer, signer_database: str, scope: str) -> None:
    signer.stub.OpenRotation(wire.OpenRotationRequest(scope=scope))
    signer.stub.CloseRotation(wire.CloseRotationRequest(scope=scope))

    with psycopg.connect(signer_database) as connection:
        rows = connection.execute(
            "SELECT state, private_key IS NULL FROM plexsphere.signing_keys WHERE scope = %s ORDER BY state", [scope]
        ).fetchall()
    assert rows == [("active", False), ("retired", True)]


def test_each_refusal_has_the_contract_s_status_and_details(signer: Signer, scope: str) -> None:
    stub, other_scope = signer.stub, f"domain:{uuid.uuid4()}"
    old = stub.PublicKey(wire.PublicKeyRequest(scope=scope)).key_id
    precondition, missing = grpc.StatusCode.FAILED_PRECONDITION, grpc.StatusCode.NOT_FOUND

    def sign(*, key_id: str, scope: str = scope) -> tuple[grpc.StatusCode, str | None]:
        return refusal(lambda: stub.Sign(wire.SignRequest(scope=scope, payload=b"x", key_id=key_id)))

    assert refusal(lambda: stub.CloseRotation(wire.CloseRotationRequest(scope=scope))) == (
        missing,
        "signing: key not found",
    )
    stub.OpenRotation(wire.OpenRotationRequest(scope=scope))
    assert sign(key_id=old) == (precondition, "signing: rotation in progress")
    assert refusal(lambda: stub.OpenRotation(wire.OpenRotationRequest(scope=scope))) == (
        precondition,
        "signing: rotation in progress",
    )
    stub.CloseRotation(wire.CloseRotationRequest(scope=scope))
    assert sign(key_id=old) == (precondition, "signing: key retired")
    assert sign(key_id=str(uuid.uuid4())) == (missing, "signing: key not found")
    assert sign(key_id=old, scope=other_scope) == (missing, "signing: scope mismatch")


@pytest.mark.parametrize(
    "asked",
    [
        wire.SignRequest(scope="", payload=b"x"),
        wire.SignRequest(scope="planet:mars", payload=b"x"),
        wire.SignRequest(scope="domain:acme", payload=b"x"),
        wire.SignRequest(scope="platform\n", payload=b"x"),
        wire.SignRequest(scope="platform", payload=b""),
        wire.SignRequest(scope="platform", payload=b"x", key_id="'; DROP TABLE plexsphere.signing_keys; --"),
    ],
)
def test_a_meaningless_request_is_an_invariant_violation(signer: Signer, asked: wire.SignRequest) -> None:
    assert refusal(lambda: signer.stub.Sign(asked)) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "signing: invariant violation",
    )


def test_rotations_opened_at_once_have_one_winner(signer: Signer, scope: str) -> None:
    def open_one(_: int) -> str:
        try:
            signer.stub.OpenRotation(wire.OpenRotationRequest(scope=scope))
        except grpc.RpcError as error:
            return str(error.details())
        return "opened"

    with ThreadPoolExecutor(8) as pool:
        outcomes = sorted(pool.map(open_one, range(8)))

    assert outcomes == ["opened", *["signing: rotation in progress"] * 7]
