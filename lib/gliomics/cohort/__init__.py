"""Many studies at once: their features, how stable those are, and how they change over time."""
