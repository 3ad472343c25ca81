"""The doctor: the runbook's failure modes, recognised by what they leave, with the command that helps.

What is looked at is data (``symptoms.py``), gathered by ``examine.py``; whether a mode is there is a pure function of
it (``recognise/``); ``table.py`` has them all. Nothing here changes anything but ``fixes/``, and those only in a
cluster that we made.
"""

from __future__ import annotations

from pytest_plexdev.doctor.advice import advice
from pytest_plexdev.doctor.gather import examine
from pytest_plexdev.doctor.model import Finding

__all__ = ["Finding", "advice", "examine"]
