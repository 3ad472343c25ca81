"""Images: third-party ones by pins, our own by their inputs, and a node image that contains them."""
