"""The command ``plexdev``: one module for each family of commands."""
