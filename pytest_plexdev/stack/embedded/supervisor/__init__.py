"""The process that owns the servers of an embedded stack."""
