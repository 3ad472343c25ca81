"""The signer: Ed25519 keys in Postgres, behind gRPC."""

from __future__ import annotations
