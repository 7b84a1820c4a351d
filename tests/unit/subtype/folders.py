"""Folders of subtype models that were changed after they were written."""

from __future__ import annotations

import json
from pathlib import Path

from gliomics.models.card import content_hash


def with_card(folder: Path, **changed: object) -> Path:
    """Change the card, and its hash with it."""
    card = json.loads((folder / "model.json").read_text()) | changed
    (folder / "model.json").write_text(json.dumps(card | {"card_sha256": content_hash(card)}))
    return folder
