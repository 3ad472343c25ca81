"""What a cluster is on this machine: programs, a container, files, and whoever works on it."""
