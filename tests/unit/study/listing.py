"""What listing a studies folder gives, for tests."""

from __future__ import annotations

from pathlib import Path

from gliomics.study import list_studies


def failures(root: Path) -> tuple[list[str], dict[str, str]]:
    """The ids that are listed and the message of each entry that is not."""
    errors: dict[str, str] = {}
    studies = list_studies(root, lambda path, error: errors.update({path.name: str(error)}))
    return [study.id for study in studies], errors
