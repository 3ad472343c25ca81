"""One kind cluster on this machine: its tools, node container, files and lock."""
