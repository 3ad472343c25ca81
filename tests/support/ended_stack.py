"""The time limit for removing an ended stack."""

from __future__ import annotations

AT_ONCE = 4.0
"""Seconds until nothing may be left, however the owner ended. It is less than the 5 s after which servers are killed.

A benchmark measures the real duration."""
