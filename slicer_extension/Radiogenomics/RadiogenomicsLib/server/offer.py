"""What a server offers, in the panel's terms."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Model:
    """A model of the server. ``labels`` are names and values of what a segmentation draws.

    Of a subtype model and a tumour network: ``question`` and the titles of its ``classes`` by their names, as people
    read them; of the former the ``shares`` of the classes among the training patients, and whether it ``usesAge``.
    """

    name: str
    kind: str
    description: str
    labels: dict[str, int] = field(default_factory=dict)
    requiredSequences: tuple[str, ...] = ()
    optionalSequences: tuple[str, ...] = ()
    version: str = ""
    question: str = ""
    classes: dict[str, str] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    usesAge: bool = False
    parts: Model | None = None
    """Of a model that corrects a whole lesion: the one by which its server corrects parts; its labels name these."""

    @property
    def sequences(self) -> tuple[str, ...]:
        """All that it takes; empty where the server does not say."""
        return (*self.requiredSequences, *self.optionalSequences)


@dataclass(frozen=True)
class ServerInfo:
    """What a server offers."""

    name: str
    version: str
    models: tuple[Model, ...]
    strategies: tuple[str, ...]
    slicingStrategies: tuple[str, ...] = ()
    """Those that say which slices of the study are worth most."""
    studies: int = 0
    labelled: int = 0
    trainers: tuple[str, ...] = ()
    """Names of the models that it trains."""
    user: str = ""
    role: str = ""
    """Who asks, and what for, by the token that was sent; empty where the server asks for none."""

    def ofKind(self, kind: str) -> list[Model]:
        """Models of one kind: ``"segmentation"``, ``"refinement"``, ``"radiomics"``, ``"subtype"`` and others."""
        return [model for model in self.models if model.kind == kind]

    def model(self, name: str) -> Model | None:
        """The model of that name."""
        return next((model for model in self.models if model.name == name), None)


def offerOf(info: dict[str, Any]) -> ServerInfo:
    """The answer of ``/info/``, of a Gliomics server or of any MONAI Label server as far as it goes."""
    models: list[Model] = []
    for name, entry in info.get("models", {}).items():
        models += _modelsOf(name, entry)
    datastore, strategies = info.get("datastore", {}), info.get("strategies", {})
    return ServerInfo(
        name=str(info.get("name", "")),
        version=str(info.get("version", "")),
        models=tuple(models),
        strategies=tuple(strategies),
        slicingStrategies=tuple(name for name, entry in strategies.items() if entry.get("names_slices")),
        studies=int(datastore.get("total", 0)),
        labelled=int(datastore.get("completed", 0)),
        trainers=tuple(info.get("trainers", {})),
        user=str(info.get("you", {}).get("name", "")),
        role=str(info.get("you", {}).get("role", "")),
    )


def _modelsOf(name: str, entry: dict[str, Any]) -> list[Model]:
    """The panel's models of one entry of ``/info/``; the subtype task stands for several."""
    subtypes = entry.get("subtype_models", {})
    if subtypes:
        return [_model(subtype, "subtype", details) for subtype, details in subtypes.items()]
    kinds = {"segmentation": "segmentation", "deepedit": "segmentation"}
    kind = "radiomics" if name == "radiomics" else kinds.get(str(entry.get("type", "")), "other")
    if entry.get("task") in ("refinement", "tumour_network"):  # other apps' models of these types take other requests
        kind = str(entry["task"])
    return [_model(name, kind, entry)]


def _model(name: str, kind: str, entry: dict[str, Any]) -> Model:
    sequences = entry.get("sequences", {})
    return Model(
        name=name,
        kind=kind,
        description=str(entry.get("title") or entry.get("description", "")),
        labels=labelsOf(entry.get("labels")),
        requiredSequences=tuple(sequences.get("required", ())),
        optionalSequences=tuple(sequences.get("optional", ())),
        version=str(entry.get("version", "")),
        question=str(entry.get("question", "")),
        classes={str(name): str(title) for name, title in entry.get("class_titles", {}).items()},
        shares={str(name): float(share) for name, share in entry.get("training_shares", {}).items()},
        usesAge=entry.get("uses_age") is True,
        parts=_partsModel(entry.get("parts")),
    )


def _partsModel(entry: Any) -> Model | None:
    if not isinstance(entry, dict):
        return None
    name = str(entry.get("model", ""))
    return _model(name, "refinement", {**entry, "labels": entry.get("regions"), "parts": None})


def labelsOf(labels: Any) -> dict[str, int]:
    """Names with values; some MONAI Label apps give only names, in the order of their values."""
    if isinstance(labels, dict):
        return {str(name): int(value) for name, value in labels.items() if int(value) > 0}
    return {str(name): index + 1 for index, name in enumerate(labels or ())}
