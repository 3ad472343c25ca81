"""The servers of an embedded stack, one module each."""
