"""Prove that a directory is ours before it is deleted, and that a process owns it before it is signalled."""
