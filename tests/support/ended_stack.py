"""How soon nothing of an ended stack is left."""

from __future__ import annotations

AT_ONCE = 4.0
"""Seconds within which nothing may be left, however the owner ended: less than the 5 s after which an end is forced.

How fast it is, a benchmark tells."""
