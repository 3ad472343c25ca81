"""plexd releases in an S3 bucket: their layout, the client, the reads of the API, and the seed."""
