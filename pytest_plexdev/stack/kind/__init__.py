"""The kind stack: the dev stack's manifests on a kind cluster, warm or owned by one run."""

from __future__ import annotations
