"""Failures that the doctor itself reports."""

from __future__ import annotations
