"""``gliomics subtype``: estimates from features, models from features and outcomes, and how good these are."""
