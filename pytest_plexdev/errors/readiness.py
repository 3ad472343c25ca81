"""Failures of waiting for objects of a cluster."""

from __future__ import annotations
