"""Start, watch and stop the child processes of an embedded stack."""
