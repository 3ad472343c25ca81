"""What a cluster records about its stack: owner, inputs, endpoints."""
