"""How to start each server of an embedded stack, one module per server."""
