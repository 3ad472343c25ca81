"""The part of Dex's gRPC API that creates and deletes local users."""
