"""The state of a stack: its owner, inputs, database and endpoints, as a cluster records them."""
