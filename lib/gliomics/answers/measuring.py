"""What a request asks to be measured of its label: one region, or all of those that are read of a tumour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from gliomics.answers.images import MeasuredImages, MeasuredStudies, read_sent_mask
from gliomics.answers.options import flag, text_option
from gliomics.cohort.measure import CORE_REGION, ring_warnings, with_vasari
from gliomics.cohort.numbering import numbering_diagnostics, whole_warnings
from gliomics.cohort.stability import stability_diagnostics
from gliomics.errors import InputError, UnknownNameError
from gliomics.features.config import FeatureConfig, load_config, preset_names
from gliomics.features.edge import MovedEdge, measure_moved_edge
from gliomics.features.extract import WHOLE_MASK, RegionFeatures, StudyImages, extract_features, measure_regions
from gliomics.features.regions import REGIONS, is_ring, is_whole, names_whole, part_region, select_region
from gliomics.findings.estimating import Estimates
from gliomics.findings.read import WHOLE, read_segment
from gliomics.preprocess import lesion_mask
from gliomics.preprocess.head import Head
from gliomics.radiology.study import AtlasPlace, StudyVasari, vasari_of_mask
from gliomics.reading.record import Reading
from gliomics.records import FeatureRow
from gliomics.study.images import read_label_names
from gliomics.study.numbering import MaskNumbering, labels_of_mask, numbering_of_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask
from gliomics.subtype.blocks import FEATURE_CLASSES

ALL = "all"
"""Value of the option ``regions`` that asks for every region of :data:`READ`."""
READ = (WHOLE, "tumour-core", "enhancing", "oedema", "peritumoral")
"""The regions of a tumour that are read one beside the other."""


def never() -> bool:
    """That nobody has hung up."""
    return False


@dataclass(frozen=True)
class MeasuredRegion:
    """The features of a region, the mask (above 0 inside) that they were measured on, and the head around it.

    ``images`` and ``config`` are those that it was measured in and by. ``place`` is where the images lie in the atlas,
    ``vasari`` what the label of a whole tumour tells; None unless it was asked for.
    """

    features: FeatureRow
    mask: Mask
    head: Head | None
    images: StudyImages
    config: FeatureConfig
    place: AtlasPlace | None = None
    vasari: StudyVasari | None = None
    cancelled: Callable[[], bool] = never

    def read(self, estimates: Estimates) -> Reading:
        """What is read of it."""
        return read_segment(self.features, self.mask, self.head, estimates, place=self.place, vasari=self.vasari)

    def moved_edge(self) -> MovedEdge:
        """What subtype models see of the region with its edge moved."""
        return measure_moved_edge(self.images, self.mask, self.config, FEATURE_CLASSES, cancelled=self.cancelled)


@dataclass(frozen=True)
class LabelledStudy:
    """The images of a request's study and its ``label``, as the options say that they are to be measured.

    ``place`` is where the images lie in the atlas, None where nobody asked for VASARI features.
    """

    study: Study
    measured: MeasuredImages
    label: Mask
    numbering: MaskNumbering
    config: FeatureConfig
    place: AtlasPlace | None = None
    cancelled: Callable[[], bool] = never

    @property
    def images(self) -> StudyImages:
        """The images, on the grid of the label."""
        return self.measured.images

    @classmethod
    def of(
        cls,
        study: Study,
        request: Mapping[str, Any],
        studies: MeasuredStudies,
        cancelled: Callable[[], bool] = never,
    ) -> LabelledStudy:
        """What is measured; the images of ``study`` are taken from ``studies``.

        When ``cancelled`` returns true, measuring raises :class:`InterruptedError`.

        Options: ``config`` (name of a preset), ``resample_to`` (bring the sequences to this one's grid, on which the
        label must be drawn), ``numbering`` (which value is which part of the tumour), ``vasari`` (whether the whole
        tumour shall have its place in the brain and its VASARI features).
        """
        asks_for_vasari = flag(request, "vasari")
        if not request.get("label"):
            raise InputError(f"the current segment of study '{study.id}' is missing; send it as the file 'label'")
        path = Path(request["label"])
        config = load_config(_preset(text_option(request, "config")))
        measured = studies.get(study, text_option(request, "resample_to"))
        name, sequence = f"the current segment of study '{study.id}'", study.default_sequence
        image = measured.images.volumes[sequence]
        label = lesion_mask(read_sent_mask(path, name), image, name, f"sequence '{sequence}'")
        numbering = numbering_of_mask(
            labels_of_mask(label),
            "the current segment",
            given=text_option(request, "numbering"),
            study=study.numbering,
            segments=read_label_names(path),
        )
        place = studies.place(study, text_option(request, "resample_to")) if asks_for_vasari else None
        return cls(study, measured, label, numbering, config, place, cancelled)

    def measure(self, request: Mapping[str, Any]) -> MeasuredRegion:
        """Measure one region in every sequence.

        Options: ``region`` (its name in the table; where the label has several values or ``numbering`` is told, the
        part of the tumour of that name), ``label_value`` (one value of the label; any above 0 unless told).
        """
        region = text_option(request, "region") or WHOLE_MASK
        value = _label_value(request.get("label_value"))
        part = part_region(region)
        one_segment = self.numbering.labels <= {1} and self.numbering.source not in ("told", "names of the segments")
        if not (one_segment or part or value is not None or names_whole(region)):
            raise UnknownNameError(
                f"region '{region}' is unknown, and the current segment has several parts: give {', '.join(REGIONS)} "
                "or tumour, or one part as the option label_value"
            )
        is_part = value is None and bool(part) and not one_segment
        if not is_part and value is None:
            self.numbering.require_whole(region, f"the current segment of study '{self.study.id}'")
        mask = self._selected(region) if is_part else self._values(value)
        features = extract_features(self.images, mask, self.config, region=region, cancelled=self.cancelled)
        warnings = [] if is_part or value is not None else whole_warnings(self.numbering)
        return self._measured(features, mask, is_part=is_part, warnings=warnings)

    def tumour(self) -> Mask:
        """The voxels of the whole tumour."""
        return self._values(None)

    def measure_all(self) -> tuple[dict[str, MeasuredRegion], dict[str, str]]:
        """Measure every region of :data:`READ` that the label has, and say why it lacks the others.

        Raises :class:`InputError` where there is no whole tumour to measure, unless it is unknown.
        """
        masks: dict[str, Mask] = {}
        refused: dict[str, str] = {}
        for region in READ:
            try:
                masks[region] = self._selected(region)
            except InputError as error:
                refused[region] = str(error)
        regions = {}
        for measured in self._rows(masks, refused):
            ring = is_ring(measured.region, {})
            warnings = whole_warnings(self.numbering) if is_whole(measured.region, {}) else []
            warnings += ring_warnings(measured.region, spacing_known=self.study.spacing_known) if ring else []
            row, mask = measured.row(self.config), masks[measured.region]
            regions[measured.region] = self._measured(row, mask, is_part=True, warnings=warnings)
        if WHOLE in refused and not (self.numbering.whole_is_unknown and regions):
            raise InputError(refused[WHOLE])
        return regions, refused

    def _rows(self, masks: Mapping[str, Mask], refused: dict[str, str]) -> list[RegionFeatures]:
        """What is measured together, or one by one where something cannot be; then ``refused`` has the reason."""
        try:
            return measure_regions(self.images, masks, self.config, cancelled=self.cancelled)
        except InputError:
            rows = []
            for region, mask in masks.items():
                try:
                    rows += measure_regions(self.images, {region: mask}, self.config, cancelled=self.cancelled)
                except InputError as error:
                    refused[region] = str(error)
            return rows

    def _selected(self, region: str) -> Mask:
        part = part_region(region)
        brain = self.images.brain_voxels() if is_ring(region, part) else None
        name = f"the label of study '{self.study.id}'"
        return select_region(self.label, region, name=name, numbering=self.numbering, brain=brain, defined=part)

    def _values(self, value: int | None) -> Mask:
        """The voxels of one value, or of the whole tumour; :class:`InputError` where there are none."""
        array, labels, tumour = self.label.array, self.numbering.labels, self.numbering.tumour
        if value is None:
            inside = array > 0 if tumour == labels else np.isin(array, sorted(tumour))
            return self.label.with_array(inside.astype(np.uint8))
        inside = array == value
        if not inside.any():
            present = ", ".join(map(str, sorted(labels)[:10]))
            raise InputError(
                f"the current segment of study '{self.study.id}' has no label {value}; it holds label {present}"
            )
        return self.label.with_array(inside.astype(np.uint8))

    def _measured(self, features: FeatureRow, mask: Mask, *, is_part: bool, warnings: list[str]) -> MeasuredRegion:
        """The row with the patient and what is known of the numbering and of the features' stability."""
        region = features.region
        diagnostics = (
            (numbering_diagnostics(region, self.numbering, part_region(region)) if is_part else {})
            | features.diagnostics
            | stability_diagnostics(features.values, self.config)
        )
        row = replace(
            features,
            diagnostics={"patient_id": self.study.patient_id, **diagnostics},
            warnings=[*warnings, *features.warnings],
        )
        told = self._vasari(region, mask)
        if told is not None:
            row = with_vasari(row, told)
        return MeasuredRegion(row, mask, self.measured.head, self.images, self.config, self.place, told, self.cancelled)

    def _vasari(self, region: str, mask: Mask) -> StudyVasari | None:
        """What the label tells, where it was asked for and the region is all of its tumour, whatever it is called.

        Where the whole is unknown, that is the core.
        """
        all_of_it = CORE_REGION if self.numbering.whole_is_unknown else WHOLE
        if self.place is None or (part_region(region) and region != all_of_it):
            return None
        if not np.array_equal(mask.array > 0, np.isin(self.label.array, sorted(self.numbering.tumour))):
            return None
        return vasari_of_mask(
            self.label,
            self.numbering,
            self.place,
            name=f"the current segment of study '{self.study.id}'",
            spacing_known=self.study.spacing_known,
        )


def _preset(name: str | None) -> str:
    name = name or "panel"
    if name not in preset_names():
        raise UnknownNameError(f"there is no feature preset {name!r}; there are {', '.join(preset_names())}")
    return name


def _label_value(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"label_value is {value!r}; expected a whole number above 0, or nothing for all labels")
    return int(value)
