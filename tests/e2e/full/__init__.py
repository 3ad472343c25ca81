"""A package, so that its fresh stack can end with its last test: pytest has no other folder scope."""
