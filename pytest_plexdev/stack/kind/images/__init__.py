"""Images: other people's by their pins, ours by what they are made from, and a node image that has them."""
