"""The providers of a stack, and the discovery of a running one."""

from __future__ import annotations
