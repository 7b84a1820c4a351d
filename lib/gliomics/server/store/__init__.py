"""What the server keeps: studies, labels, reviews, sessions, and the records of all that."""
