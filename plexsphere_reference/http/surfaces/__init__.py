"""One module per surface of the contract; each defines its ``OPERATIONS`` at the end."""
