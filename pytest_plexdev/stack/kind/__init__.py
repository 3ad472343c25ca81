"""The kind stack: the dev stack's manifests on a kind cluster, warm or for one run."""

from __future__ import annotations
