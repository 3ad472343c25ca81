"""The HTTP API: the ``/v1`` surfaces and their shared parts."""
