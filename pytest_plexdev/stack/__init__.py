"""The providers of a stack, and finding one that runs."""

from __future__ import annotations
