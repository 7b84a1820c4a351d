"""Infer tasks of networks on the tumour's image: an estimate of the current segment, and what speaks for it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from monailabel.interfaces.tasks.infer_v2 import InferType

from gliomics.answers.images import MeasuredStudies
from gliomics.answers.models import describe
from gliomics.answers.options import text_option
from gliomics.errors import InputError
from gliomics.models import ModelFolder
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.storage import temporary_file
from gliomics.server.tasks.infer import Result, StudyTask
from gliomics.study.images import write_volume
from gliomics.study.records import Study

if TYPE_CHECKING:
    from gliomics.tumour_network.predict import TumourNetworkModel

# What measures and estimates takes a second to import, so it is imported when it is first asked for.


class TumourNetworkTask(StudyTask):
    """Estimates the current segment, which the client uploads as ``label``, with the serving version of one network."""

    def __init__(
        self, name: str, models: ModelCache[TumourNetworkModel], studies: MeasuredStudies, temporary: Path
    ) -> None:
        super().__init__(
            type=InferType.CLASSIFICATION,
            labels=[],
            dimension=3,
            description=f"Estimate of the current segment, with a heat map of what speaks for it ({name}; send the "
            "segment as 'label')",
        )
        self._name, self._models, self._studies, self._temporary = name, models, studies, temporary

    def is_valid(self) -> bool:
        """Whether a version with intact weights serves."""
        return self._models.usable(self._name)

    def info(self) -> dict[str, Any]:
        """What clients are told, with the card's essentials and the classes in words."""
        from gliomics.findings.targets import target_of

        network = self._models.get(self._name)
        target, classes = target_of(network.settings.target), network.card.classes
        return {
            **super().info(),
            **describe(network.card),
            "question": target.title,
            "class_titles": {name: target.class_name(name) for name in classes},
        }

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """The heat map as a NIfTI file, in log-odds of the predicted class and 0 outside of the segment.

        ``estimate`` is a :class:`~gliomics.records.SubtypeEstimate`, ``sentences`` say it. Raises :class:`InputError`
        for a label that is missing, empty or of a part of the tumour, for a study without a sequence that the network
        needs, and where the map shall be saved as a label.
        """
        from gliomics.answers.measuring import LabelledStudy
        from gliomics.cohort.numbering import whole_warnings
        from gliomics.features.regions import part_region
        from gliomics.findings.network_estimates import read_network_estimate
        from gliomics.findings.read import WHOLE
        from gliomics.reading.feature_words import upper_first

        if request.get("save_label"):
            raise InputError(f"model '{self._name}' answers with a heat map, which is no label; leave save_label out")
        network, region = self._models.get(self._name), text_option(request, "region") or WHOLE
        if part_region(region) and region != WHOLE:
            raise InputError(
                f"the current segment of study '{study.id}' is '{region}', a part of a tumour; model '{self._name}' "
                "was fitted on whole tumours, so send the whole"
            )
        labelled = LabelledStudy.of(study, request, self._studies, abandoned)
        reading = network.read_volumes(labelled.images.volumes, labelled.tumour(), study)
        warnings = [f"{upper_first(warning)}." for warning in whole_warnings(labelled.numbering)]
        with temporary_file(self._temporary, f"{study.id}-", ".nii.gz") as path:
            write_volume(reading.heat_map, path)
        return str(path), {
            "result": "heat_map",
            "estimate": reading.estimate.to_json(),
            "sentences": [*read_network_estimate(reading.estimate), *warnings],
            "model": network.card.name,
            "model_version": network.card.version,
        }


def load_tumour_network(folder: ModelFolder) -> TumourNetworkModel:
    """The network of a folder; :class:`InputError` for one that holds none."""
    from gliomics.tumour_network.predict import TumourNetworkModel

    return TumourNetworkModel(folder)
