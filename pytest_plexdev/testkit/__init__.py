"""The objects that fixtures return: the stack, tenants, logins, Nodes, events and a database connection."""
