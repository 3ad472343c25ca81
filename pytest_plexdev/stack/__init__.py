"""What a stack is (``model``), and its providers."""

from __future__ import annotations
