"""Bring a stack up on a new or an existing cluster."""
