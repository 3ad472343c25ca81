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
    "openbao": ["dev-warning"],
    "seaweedfs": ["dev-warning"],
    "mimir": ["dev-warning"],
    "loki": ["dev-warning"],
    "crossplane": ["dev-warning", "core-init"],
    "external-secrets": ["dev-warning", "wait-for-deps"],
}
"""The start-up order: the runbook's and, for third-party images, which it does not specify, our own."""
