"""What a cluster says of its stack: whose it is, what it was made of, what it answers."""
