"""The child processes of an embedded stack: started, tied to their parent, ended."""
