"""A control plane that implements plexsphere's public contract. A program, not a library.

Start it with ``python -m plexsphere_reference api|signer|migrate|bootstrap``.
"""
