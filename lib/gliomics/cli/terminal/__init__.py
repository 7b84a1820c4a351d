"""How commands speak with the person at the terminal: progress, questions, refusals, exit codes."""
