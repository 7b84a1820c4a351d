"""What there is to tell of the versions of a model, without whom they learned from."""

from __future__ import annotations

from typing import Any

from gliomics.errors import GliomicsError
from gliomics.models.store import ModelStore


def versions_of(store: ModelStore, name: str) -> list[dict[str, Any]]:
    """Every version of a model as JSON-ready values, the newest first.

    ``version``, ``serves``, ``served`` (whether it serves or did), ``published`` (each time: when and why), then of its
    card ``created``, ``parent``, ``n_patients``, ``population``, ``metrics`` and ``reason``; ``damage`` in place of
    these where the version cannot be used. :class:`UnknownNameError` for a name that no model has.
    """
    versions, history = store.versions(name), store.history(name)
    served = set(store.served(name))
    try:
        serving = store.current(name).card.version
    except GliomicsError:
        serving = ""
    overview = []
    for version in sorted(versions, key=int, reverse=True):
        published = [
            {"when": entry["when"], "reason": entry["reason"]} for entry in history if entry["version"] == version
        ]
        state = {"version": version, "serves": version == serving, "served": version in served, "published": published}
        overview.append({**state, **_of_card(store, name, version)})
    return overview


def _of_card(store: ModelStore, name: str, version: str) -> dict[str, Any]:
    try:
        card = store.version(name, version).card
    except GliomicsError as error:
        return {"damage": str(error)}
    return {
        "created": card.created,
        "parent": card.parent,
        "n_patients": card.training.n_patients,
        "population": card.training.population,
        "metrics": [metric.model_dump() for metric in card.metrics],
        "reason": card.reason,
    }
