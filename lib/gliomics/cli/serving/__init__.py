"""Commands that run a server, or say who may use it."""
