"""What a test holds: it speaks ``/v1``, OIDC, NATS and SQL, and nothing else."""
