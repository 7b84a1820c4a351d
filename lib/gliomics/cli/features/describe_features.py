"""``gliomics describe-features``: what each feature is."""

from __future__ import annotations


def describe_features() -> None:
    """Print unit, IBSI code and meaning of every feature."""
    from rich.console import Console

    from gliomics.features.describe import describe_table

    Console().print(describe_table())
