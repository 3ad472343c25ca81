"""What a test holds: clients of ``/v1``, OIDC, NATS and SQL, and nothing else."""
