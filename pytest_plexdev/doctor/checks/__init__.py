"""Recognising the failure modes: pure functions of symptoms, tested by tables."""

from __future__ import annotations
