"""Everything that was found in a cohort, on one page."""
