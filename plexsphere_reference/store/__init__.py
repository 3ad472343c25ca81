"""Postgres: one module per aggregate."""
