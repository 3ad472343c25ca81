"""The command ``plexdev``, one module per group of commands."""
