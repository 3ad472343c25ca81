"""The doctor: find known failure modes, explain them, and name the command that helps.

The facts are data (``facts.py``), gathered by ``probes/``; a check is a pure function of them (``checks/``), and
``modes.py`` has the table of all modes. Only ``fixes/`` changes anything, and only in a cluster that plexdev made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pytest_plexdev.core.lazy import lazy_exports

if TYPE_CHECKING:
    from pytest_plexdev.doctor.gather import examine
    from pytest_plexdev.doctor.model import Finding

__all__ = ["Finding", "examine"]

# A bring-up has the function that explains a failure at hand, and imports the probes only if it fails.
__getattr__ = lazy_exports(__name__, {"Finding": "model", "examine": "gather"})
