"""The WHO class in words, which two models' estimates give together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gliomics.findings.estimates import EstimateInWords
from gliomics.findings.targets import target_of
from gliomics.reading.record import EstimateReading
from gliomics.records import SubtypeEstimate
from gliomics.subtype.predict import SubtypeModel
from gliomics.subtype.who import BRANCHES, CODELETION_MODEL, IDH_MODEL, MUTANT, WILDTYPE


def read_who(
    estimate: SubtypeEstimate, others: Sequence[SubtypeEstimate], models: Mapping[str, SubtypeModel]
) -> EstimateReading:
    """What the estimate of the WHO class is read as; ``others`` and ``models`` have the two that it is made of."""
    idh, codeletion = (
        EstimateInWords(other, models[name], target_of(other.target))
        for name in (IDH_MODEL, CODELETION_MODEL)
        for other in others
        if other.model == name
    )
    return _WhoInWords(estimate, idh.model, target_of(estimate.target), codeletion=codeletion, idh=idh).reading()


@dataclass(frozen=True, kw_only=True)
class _WhoInWords(EstimateInWords):
    """The product of two estimates, of which each says itself what to beware of."""

    idh: EstimateInWords
    codeletion: EstimateInWords

    def is_weak(self, name: str) -> bool:
        """Whether a class cannot be told better than by chance along its branch."""
        if name == WILDTYPE:
            return self.idh.is_weak(WILDTYPE)
        return self.idh.is_weak(MUTANT) or self.codeletion.is_weak(BRANCHES[name])

    def _training_share(self, name: str) -> float | None:
        """Unknown: the two were fitted on other patients."""
        return None

    def _cautions(self) -> list[str]:
        return [] if self.estimate.inside_training_range else ["Do not rely on the probabilities."]

    def _reasons(self) -> list[str]:
        return []

    def _details(self) -> list[str]:
        titles = f"{self.idh.target.title} and {self.codeletion.target.title}"
        estimates = (self.idh.estimate, self.codeletion.estimate)
        parts = [f"{estimate.model}, version {estimate.model_version}" for estimate in estimates]
        in_set = [
            f"{text} Of the patients of each class, eight in ten have it among these." for text in self._set_in_words()
        ]
        return [
            f"The product of the estimates of {titles}, which stand below with what speaks for them.",
            *in_set,
            "The interval joins their lower bounds and their upper ones, as if both were wrong to one side.",
            *self._edge_details(),
            f"Made of {' and '.join(parts)}.",
        ]
