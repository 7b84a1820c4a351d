"""The features of a segment as a DICOM Structured Report (PS3.16 TID 1500, Measurement Report).

One group of measurements (TID 1411) is of one segment of a Segmentation. Subtype estimates are text, with interval,
doubts and notice: a coded value in an archive would travel without them, and be taken for a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import highdicom as hd
import pydicom
from highdicom.sr import (
    AlgorithmIdentification,
    CodeContentItem,
    CodedConcept,
    ContainerContentItem,
    ContentSequence,
    DeviceObserverIdentifyingAttributes,
    EnhancedSR,
    FindingSite,
    Measurement,
    MeasurementReport,
    ObservationContext,
    ObserverContext,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceSeriesForSegmentation,
    TextContentItem,
    TrackingIdentifier,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from gliomics.dicom.segmentation import LESION, coded
from gliomics.errors import InputError
from gliomics.export.codes import SCHEME, feature_code, modifiers, unit_code
from gliomics.reading.record import Reading
from gliomics.reading.terminology import BRAIN, meaning_of
from gliomics.records import FeatureRow
from gliomics.version import __version__

_DEVICE = Code("121007", "DCM", "Device")
_MR_BRAIN = Code("24590-2", "LN", "MR Brain")
_EVALUATIONS = Code("C0034375", "UMLS", "Qualitative Evaluations")
_ESTIMATE = Code("estimate", SCHEME, "Subtype estimate, for research use only")
_FACTS = {
    "Volume": (Code("118565006", "SCT", "Volume"), Code("cm3", "UCUM", "cubic centimeter")),
    "Diameters": (Code("103339001", "SCT", "Long Axis"), Code("mm", "UCUM", "millimeter")),
}
"""Facts of a reading that have a code of their own."""


@dataclass(frozen=True)
class MeasuredSegment:
    """What was measured and read of segment ``number`` of a Segmentation."""

    number: int
    features: FeatureRow
    reading: Reading


def measurement_report(
    segmentation: hd.seg.Segmentation,
    instances: Sequence[pydicom.Dataset],
    segments: Sequence[MeasuredSegment],
    whole: Reading | None = None,
) -> EnhancedSR:
    """The report of segments of a Segmentation, which was made of ``instances``.

    ``whole`` is the reading of the tumour whose estimates it has, if any. Raises :class:`InputError` where the images'
    headers lack what a report needs.
    """
    try:
        groups = [_group(segmentation, segment, str(instances[0].SeriesInstanceUID)) for segment in segments]
        content = MeasurementReport(
            observation_context=ObservationContext(
                observer_device_context=ObserverContext(
                    observer_type=CodedConcept.from_code(_DEVICE),
                    observer_identifying_attributes=DeviceObserverIdentifyingAttributes(
                        uid=generate_uid(entropy_srcs=["Gliomics", __version__]),
                        name="Gliomics",
                        manufacturer_name="Gliomics",
                        model_name=__version__,
                    ),
                )
            ),
            procedure_reported=_MR_BRAIN,
            imaging_measurements=groups,
        )
        if whole is not None and whole.estimates:
            content[0].ContentSequence.append(_estimates(whole))
        report = EnhancedSR(
            evidence=[segmentation, *instances],
            content=content[0],
            series_instance_uid=generate_uid(),
            series_number=301,
            sop_instance_uid=generate_uid(),
            instance_number=1,
            manufacturer="Gliomics",
            is_complete=True,
            is_final=False,
            is_verified=False,
            series_description="Gliomics measurements, for research use only",
        )
        report.CodingSchemeIdentificationSequence = [_our_scheme()]
        return report
    except (ValueError, AttributeError, KeyError) as error:
        raise InputError(f"the DICOM files of the series lack what a DICOM SR of them needs: {error}") from error


def _group(
    segmentation: hd.seg.Segmentation, segment: MeasuredSegment, series: str
) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    description = segmentation.get_segment_description(segment.number)
    meaning, values = meaning_of(str(description.SegmentLabel)), segment.features.values
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=TrackingIdentifier(
            uid=str(description.TrackingUID), identifier=str(description.TrackingID)
        ),
        referenced_segment=ReferencedSegment(
            segmentation.SOPClassUID,
            segmentation.SOPInstanceUID,
            segment.number,
            source_series=SourceSeriesForSegmentation(series),
        ),
        finding_type=coded(meaning.type) if meaning is not None else LESION,
        finding_sites=[FindingSite(coded(BRAIN))],
        algorithm_id=_algorithm(segment.features),
        measurements=[*_sizes(segment.reading), *(_measurement(name, value) for name, value in values.items())],
    )


def _estimates(reading: Reading) -> ContainerContentItem:
    """What models estimate, each as a sentence with the interval of each class, what to beware of, and the notice."""
    contained = RelationshipTypeValues.CONTAINS
    evaluations = ContainerContentItem(name=CodedConcept.from_code(_EVALUATIONS), relationship_type=contained)
    evaluations.ContentSequence = ContentSequence(
        [
            TextContentItem(name=CodedConcept.from_code(_ESTIMATE), value=text, relationship_type=contained)
            for text in estimate_texts(reading)
        ]
    )
    return evaluations


def estimate_texts(reading: Reading) -> list[str]:
    """The estimates of a reading as texts that can stand alone."""
    texts = []
    for estimate in reading.estimates:
        classes = "; ".join(f"{bar.title} {bar.text}" for bar in estimate.bars)
        made_by = f"By {estimate.model} version {estimate.version}." if estimate.model else ""
        sentences = [
            f"{estimate.title}: {estimate.headline}.",
            f"{classes}.",
            *estimate.cautions,
            made_by,
            reading.notice,
        ]
        texts.append(" ".join(sentence for sentence in sentences if sentence.strip(".")))
    return texts


def _our_scheme() -> pydicom.Dataset:
    """Whose codes those of :data:`~gliomics.export.codes.SCHEME` are (PS3.3 C.12.1.1.7.1)."""
    scheme = pydicom.Dataset()
    scheme.CodingSchemeDesignator, scheme.CodingSchemeVersion = SCHEME, __version__
    scheme.CodingSchemeName, scheme.CodingSchemeResponsibleOrganization = "Features, sequences and filters", "Gliomics"
    return scheme


def _sizes(reading: Reading) -> list[Measurement]:
    facts = {fact.name: fact.value for fact in reading.headline}
    return [
        Measurement(name=concept, value=value, unit=unit)
        for name, (concept, unit) in _FACTS.items()
        if (value := facts.get(name)) is not None
    ]


def _measurement(column: str, value: float) -> Measurement:
    measurement = Measurement(name=feature_code(column), value=float(value), unit=unit_code(column))
    added: list[Any] = [
        CodeContentItem(
            name=CodedConcept.from_code(concept),
            value=CodedConcept.from_code(code),
            relationship_type=RelationshipTypeValues.HAS_CONCEPT_MOD,
        )
        for concept, code in modifiers(column)
    ]
    if added:
        item = measurement[0]
        item.ContentSequence = [*(item.get("ContentSequence") or []), *added]
    return measurement


def _algorithm(features: FeatureRow) -> AlgorithmIdentification:
    """Which program measured with which settings."""
    notes = features.diagnostics
    names = ("config_sha256", "mask_sha256", "bias_field", "resampling", "pyradiomics_version")
    parameters = [f"{name}={notes[name]}" for name in names if name in notes]
    return AlgorithmIdentification("Gliomics features", __version__, parameters=parameters)
