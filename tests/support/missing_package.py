"""A conftest for a project whose environment lacks a package."""

from __future__ import annotations


def conftest_without(package: str) -> str:
    """Return a conftest in which the import of *package* fails."""
    return f"""
import sys

class NotInstalled:
    def find_spec(self, name, path=None, target=None):
        if name == {package!r}:
            raise ImportError(name)

sys.meta_path.insert(0, NotInstalled())
"""
