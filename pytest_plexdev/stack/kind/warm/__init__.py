"""The cluster ``plexsphere``, which stays between runs."""
