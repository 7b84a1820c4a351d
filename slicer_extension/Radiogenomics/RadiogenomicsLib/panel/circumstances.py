"""What the user says of the patient besides the images. Pure Python: no Qt, no MRML."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.server.offer import Model

OLDEST = 120
"""Years that no patient exceeds, as for the server."""


@dataclass
class Circumstances:
    """``ages`` are as typed, by what they are of; ``percentages`` the shares of a model's classes that were given.

    Nothing of it is kept anywhere else than here, so that it is gone with the panel.
    """

    ages: dict[str, str] = field(default_factory=dict)
    percentages: dict[str, dict[str, int]] = field(default_factory=dict)

    def percentagesOf(self, model: Model) -> dict[str, int]:
        """The share of each class in percent: as given, else as among the training patients."""
        return self.percentages.get(model.name, trainingPercentages(model))

    def give(self, model: Model, name: str, percentage: int) -> None:
        """The user gave the share of one class; of two classes the other one has the rest."""
        given = {**self.percentagesOf(model), name: percentage}
        others = [other for other in given if other != name]
        if len(others) == 1:
            given[others[0]] = 100 - percentage
        self.percentages[model.name] = given
        if given == trainingPercentages(model):
            del self.percentages[model.name]

    def prevalence(self, models: Sequence[Model]) -> dict[str, float]:
        """The shares that were given, by class, as the server takes them.

        Of each model all but the last, which follows: two models may share a name for the rest, such as "other".
        """
        given = {model.name: self.percentages[model.name] for model in models if model.name in self.percentages}
        return {name: percentage / 100 for shares in given.values() for name, percentage in list(shares.items())[:-1]}


def trainingPercentages(model: Model) -> dict[str, int]:
    """The shares among the training patients as whole percentages above 0 that sum to 100."""
    percentages = {name: max(1, round(100 * share)) for name, share in model.shares.items()}
    if percentages:
        largest = max(percentages, key=lambda name: percentages[name])
        percentages[largest] += 100 - sum(percentages.values())
    return percentages


def ageOf(text: str) -> float | None:
    """An age as it was typed, in years; None where nothing was, NaN where it is none."""
    if not text.strip():
        return None
    try:
        age = float(text.strip().replace(",", "."))
    except ValueError:
        return math.nan
    return age if 0 <= age <= OLDEST else math.nan


def ageError(text: str) -> str:
    """What is wrong with an age; empty where nothing is, or where none was typed."""
    age = ageOf(text)
    if age is None or not math.isnan(age):
        return ""
    return _("'{text}' is no age: give the patient's years, 0 to {oldest}, or nothing.").format(
        text=text.strip(), oldest=OLDEST
    )


def prevalenceError(models: Sequence[Model], circumstances: Circumstances) -> str:
    """Which model's shares do not sum to 100; empty where all do."""
    for model in models:
        total = sum(circumstances.percentages.get(model.name, {"": 100}).values())
        if total != 100:
            return _("{question}: the shares of the classes sum to {total} %, not to 100 %.").format(
                question=model.question, total=total
            )
    return ""


def optionsOf(age: float | None, prevalence: dict[str, float]) -> dict[str, Any]:
    """What a request says of the patient; nothing where nothing was given."""
    return {**({"age": age} if age is not None else {}), **({"prevalence": prevalence} if prevalence else {})}
