"""The doctor: the runbook's failure modes, recognised by what they leave, with the command that helps."""

from __future__ import annotations
