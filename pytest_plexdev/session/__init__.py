"""One pytest run: acquire its stack, share it between processes, release it and report it."""
