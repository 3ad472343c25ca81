"""Gathering symptoms. Each probe stands alone: one that fails is an ``Unknown`` with the reason."""

from __future__ import annotations
