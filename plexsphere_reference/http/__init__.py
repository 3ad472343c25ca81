"""The ``/v1`` surfaces and what they share."""
