"""``gliomics cohort``: what the features of a cohort go with."""
