"""Review: the list of studies, what is decided on a label, and where two labels disagree."""
