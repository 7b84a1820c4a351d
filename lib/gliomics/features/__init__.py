"""The row of features of a region, over PyRadiomics: what to measure, where, and how it came about."""
