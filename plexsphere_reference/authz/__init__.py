"""Authorisation by SpiceDB, or by evaluating the same ``schema/authz.zed`` over Postgres."""

from __future__ import annotations
