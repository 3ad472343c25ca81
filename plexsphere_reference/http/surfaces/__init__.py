"""One module per surface; each ends with its ``OPERATIONS``."""
