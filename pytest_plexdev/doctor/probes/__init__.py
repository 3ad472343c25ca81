"""Gather facts. Probes are independent: one that fails yields an ``Unknown`` with the reason."""

from __future__ import annotations
