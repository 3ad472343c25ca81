"""Readiness: rules (pure: an object's JSON to a Verdict), the watch that feeds them, and why something is not ready."""

from __future__ import annotations
