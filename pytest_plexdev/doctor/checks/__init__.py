"""Checks of the failure modes: pure functions of the gathered facts."""

from __future__ import annotations
