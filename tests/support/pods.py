"""The init containers of the dev stack's Pods."""

from __future__ import annotations

ORDER = {
    "postgres": ["dev-warning"],
    "nats": ["dev-warning"],
    "dex": ["dev-warning"],
    "spicedb": ["dev-warning", "wait-for-deps", "migrate"],
    "migrate": ["wait-for-deps"],
    "plexsphere": ["wait-for-deps", "wait-for-migrate"],
    "plexsphere-signer": ["wait-for-migrate"],
    "plexsphere-bootstrap": ["wait-for-deps", "wait-for-migrate"],
}
"""The start-up order: the runbook's and, for the first five, which it does not specify, our own."""
