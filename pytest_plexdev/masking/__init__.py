"""Mask secrets in everything that is shown: the one rule, and what it knows of each kind of secret."""
