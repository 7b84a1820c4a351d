"""The section *Views*: what the application's views show of the study."""
