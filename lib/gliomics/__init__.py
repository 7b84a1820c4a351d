"""Gliomics takes a glioma MRI from mask to molecular estimate."""

__version__ = "0.1.0"
