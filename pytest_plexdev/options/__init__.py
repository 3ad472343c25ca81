"""Every option, resolved once: command line > environment > ini file > default, with its source."""

from __future__ import annotations

from pytest_plexdev.options.model import Option, OptionError, Settings
from pytest_plexdev.options.resolver import is_read, resolve, source_of
from pytest_plexdev.options.table import OPTIONS

__all__ = ["OPTIONS", "Option", "OptionError", "Settings", "is_read", "resolve", "source_of"]
