"""Which study the server hands out next to be labelled, and why."""
