"""Mask secrets in all output: one rule (``rule``), and the patterns for each kind of secret."""
