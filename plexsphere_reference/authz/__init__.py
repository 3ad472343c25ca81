"""Who may do what: SpiceDB, or the same ``schema/authz.zed`` evaluated over Postgres."""

from __future__ import annotations
