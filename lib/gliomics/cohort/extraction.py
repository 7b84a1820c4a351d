"""What to measure in the studies of a cohort, and the files of each that it is measured from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from gliomics.errors import InputError
from gliomics.features.config import FeatureConfig
from gliomics.features.extract import sequences_to_measure
from gliomics.features.regions import is_ring, is_tumour, needs_parts
from gliomics.models import ModelFolder, ModelStore
from gliomics.radiology.atlas import atlas_folder
from gliomics.study.numbering import parse_numbering
from gliomics.study.records import Study


@dataclass(frozen=True)
class Extraction:
    """What to measure in every study of a cohort.

    ``regions`` are keys of :data:`~gliomics.features.regions.REGIONS` or of ``config.regions``, or label values (the
    configuration's default where there are none);
    ``resample_to`` brings the sequences to the grid of the one named, on which the mask must lie; ``boundary_shift``
    grows (or shrinks) each region by so many voxels within the slice, to see what depends on exactly where its edge was
    drawn; ``deep_model`` adds the deep features of a segmentation model, looked for in the folder ``models`` and among
    those shipped. Where there is no brain mask, rings keep inside the foreground of the sequence ``ring_sequence`` (the
    first that is measured when None). ``numbering`` says which value of the masks is which part of the tumour, as
    :func:`~gliomics.study.numbering.parse_numbering` reads it, where neither the studies nor the values do. ``vasari``
    adds to the row of the whole tumour where in the brain it lies, and the VASARI features that the mask tells.
    """

    config: FeatureConfig
    regions: tuple[str, ...] = ()
    resample_to: str | None = None
    boundary_shift: int = 0
    deep_model: str | None = None
    models: Path | None = None
    ring_sequence: str | None = None
    numbering: str | None = None
    vasari: bool = False

    def __post_init__(self) -> None:
        if not self.regions:
            object.__setattr__(self, "regions", self.config.default_regions)
        if self.deep_model is not None and self.config.slices == "each":
            raise InputError("deep features describe a region; they cannot be measured with 'slices: each'")
        if self.vasari and self.config.slices == "each":
            raise InputError("VASARI features describe a tumour; they cannot be told with 'slices: each'")

    def check(self) -> None:
        """Raise what would be wrong with every study: a region, a numbering or a model that does not exist."""
        for region in self.regions:
            is_ring(region, self.config.regions)
        if self.numbering is not None:
            parse_numbering(self.numbering)
        if self.vasari:
            self._check_vasari()
        if self.deep_model is not None and (card := self.deep_model_folder().card).task != "segmentation":
            raise InputError(f"model '{card.name}' is a {card.task} model; deep features need a segmentation model")

    def _check_vasari(self) -> None:
        if not any(is_tumour(region, self.config.regions) for region in self.regions):
            raise InputError(
                f"VASARI features go into the row of the whole tumour, and the regions are {', '.join(self.regions)}; "
                "add the region whole"
            )
        atlas_folder()

    def deep_model_folder(self) -> ModelFolder:
        """The version of ``deep_model`` that serves now; raises :class:`UnknownNameError` where there is none."""
        return ModelStore(self.models).current(self.deep_model or "")

    @property
    def needs_numbering(self) -> bool:
        """Whether it asks for parts of the tumour and nobody said which values they have."""
        return self.numbering is None and any(needs_parts(region, self.config.regions) for region in self.regions)

    def absolute(self) -> Extraction:
        """The same for a process in another folder."""
        return replace(self, models=self.models.absolute() if self.models is not None else None)


@dataclass(frozen=True)
class StudyFiles:
    """A study with the files of its masks, and the values of all masks that were made with its own."""

    study: Study
    mask: Path
    brain: Path | None = None
    cohort_labels: frozenset[int] = frozenset()

    def sequences(self, config: FeatureConfig) -> list[str]:
        """The sequences that ``config`` measures in this study, in the order of their columns."""
        return sequences_to_measure(list(self.study.sequences), config, self.study.id)

    def absolute(self) -> StudyFiles:
        """The same for a process in another folder."""
        sequences = {name: path.absolute() for name, path in self.study.sequences.items()}
        study = replace(self.study, folder=self.study.folder.absolute(), sequences=sequences)
        brain = self.brain.absolute() if self.brain is not None else None
        return replace(self, study=study, mask=self.mask.absolute(), brain=brain)
