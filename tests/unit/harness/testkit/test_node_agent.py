from __future__ import annotations

import base64
import re
import uuid

import pytest

from pytest_plexdev.testkit.node_agent import BINARY_CHECKSUM, nsk_bearer, x25519_public_key


def test_the_bearer_is_the_envelope_of_the_contract() -> None:
    node, nsk = uuid.uuid4(), bytes(range(32))
    bearer = nsk_bearer(str(node), base64.b64encode(nsk).decode())

    assert re.fullmatch(r"nsk_plexd_[A-Za-z0-9_-]{64}", bearer)
    assert base64.urlsafe_b64decode(bearer.removeprefix("nsk_plexd_")) == node.bytes + nsk


def test_a_node_id_that_is_no_uuid_is_refused_here() -> None:
    with pytest.raises(ValueError, match="badly formed"):
        nsk_bearer("node-1", base64.b64encode(bytes(32)).decode())


def test_keys_have_the_form_of_the_contract() -> None:
    keys = {x25519_public_key() for _ in range(20)}

    assert len(keys) == 20
    assert all(re.fullmatch(r"[A-Za-z0-9+/]{43}=", key) for key in [*keys, BINARY_CHECKSUM])
