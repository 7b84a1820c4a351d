"""The version of Gliomics."""

__version__ = "0.1.0"
