"""The hands of an agent: path-safe edits on the host, commands in the sandbox."""
