"""What every other package may use: it knows no stack and no pytest."""
