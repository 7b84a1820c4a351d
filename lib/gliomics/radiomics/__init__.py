"""Radiomic features: what to measure, in which region, and the table that remembers how."""
