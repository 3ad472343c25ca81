"""Deploy the agent plexd to the warm cluster, where an image of it exists."""
