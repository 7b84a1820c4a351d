"""What features of a cohort go with: clusters, genes."""
