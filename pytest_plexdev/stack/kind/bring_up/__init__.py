"""Bring a stack up on a cluster: from nothing, or from what is there, to ready."""
