"""Not built yet."""

from __future__ import annotations

from plexsphere_reference.http.operation import Operation

OPERATIONS: tuple[Operation, ...] = ()
