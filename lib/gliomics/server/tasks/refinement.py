"""Infer task: the current mask corrected by clicks, strokes, boxes or drawn slices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferType

from gliomics.answers.images import read_sent_mask
from gliomics.answers.options import text_option
from gliomics.errors import InputError
from gliomics.interactive.parts import LABELS, REGIONS, PartCorrector, region_of_name, to_labels
from gliomics.interactive.refine import Refiner
from gliomics.models import ModelCard
from gliomics.records import MOST_CLICKS, MOST_VOXELS, Box, Click, Stroke
from gliomics.segmentation.model import PreparedStudy
from gliomics.segmentation.segmenter import Segmenter
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.storage import temporary_file
from gliomics.server.tasks.infer import NetworkTask, Result
from gliomics.study.geometry import on_grid_of
from gliomics.study.images import read_label_names, write_mask
from gliomics.study.numbering import CAVITY, UNDIVIDED, labels_of_mask, numbering_of_mask, part_of_name
from gliomics.study.records import Study
from gliomics.study.volumes import Mask


class RefinementTask(NetworkTask[Refiner]):
    """Corrects a mask, sent as ``label``, by what the user says; without one it begins with an empty mask.

    Nothing is kept between requests but prepared images: sending the mask and the clicks of an earlier request again
    gives its answer again, so that a client undoes an interaction by going back to what it had.
    """

    def __init__(
        self,
        name: str,
        refiners: ModelCache[Refiner],
        studies: PreparedStudies,
        temporary: Path,
        parts: Callable[[], Segmenter | None],
    ) -> None:
        description = "Corrects the current mask by clicks, strokes, boxes and drawn slices"
        super().__init__(name, refiners, studies, temporary, kind=InferType.DEEPGROW, description=description)
        self._parts = parts
        """The model that tells the parts of a tumour apart, where the server has one."""

    def info(self) -> dict[str, Any]:
        """What clients are told, with the parts that can be corrected, and the sequences that this takes."""
        segmenter = self._parts()
        if segmenter is None:
            return super().info()
        parts = {"regions": list(REGIONS), "sequences": segmenter.card.sequences.model_dump()}
        return {**super().info(), "parts": {"model": segmenter.card.name, **parts}}

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """The corrected mask, 1 and 0, as a NIfTI file; where a ``part`` was corrected, the label map of all."""
        part = text_option(request, "part")
        if part is not None:
            return self._with_part(study, request, region_of_name(part))
        refiner = self._models.get(self._name)
        prepared = self._studies.get(refiner, study, text_option(request, "resample_to"))
        mask = self._mask_until_now(study, prepared, request)
        clicks, drawn = clicks_of(request), request.get("drawn_slices")
        if request.get("box") is not None:
            mask = refiner.within_box(prepared, mask, _box(request["box"]))
        elif drawn is not None:
            mask = refiner.propagate(prepared, mask, _whole_numbers(drawn, "drawn_slices"), abandoned)
        elif clicks:
            for said in _one_more_each(request, clicks):
                mask = refiner.refine(prepared, mask, said)
        else:
            mask = refiner.from_scribbles(prepared, mask)
        return self._answer(study, prepared, refiner.card, mask, self.labels)

    def _with_part(self, study: Study, request: dict[str, Any], region: str) -> Result:
        """The label map after what the user says of one part."""
        segmenter = self._parts()
        if segmenter is None:
            raise InputError(
                f"'{region}' cannot be corrected by a model: none of this server tells the parts of a tumour apart, "
                f"and '{self._name}' knows a whole lesion alone; add such a model to the server, or draw by hand"
            )
        if request.get("drawn_slices") is not None:
            raise InputError(
                "drawn_slices continue a whole lesion; leave out 'part', or correct it by clicks, a stroke or a box"
            )
        prepared = self._studies.get(segmenter, study, text_option(request, "resample_to"))
        corrector, labels = PartCorrector(segmenter), _labels_until_now(study, prepared, request)
        clicks = clicks_of(request)
        if request.get("box") is not None:
            labels = corrector.box(prepared, labels, region, _box(request["box"]), clicks)
        elif request.get("stroke") is not None:
            labels = corrector.stroke(prepared, labels, region, _stroke(request["stroke"]), clicks)
        else:
            for said in _one_more_each(request, clicks):
                labels = corrector.click(prepared, labels, region, said)
        has_cavity = bool((labels.array == LABELS[CAVITY]).any())
        names = {name: value for name, value in LABELS.items() if has_cavity or name != CAVITY}
        return self._answer(study, prepared, segmenter.card, labels, names)

    def _answer(
        self, study: Study, prepared: PreparedStudy, card: ModelCard, mask: Mask, names: dict[str, int]
    ) -> Result:
        with temporary_file(self._temporary, f"{study.id}-", ".nii.gz") as path:
            write_mask(mask, path)
        return str(path), {
            "label_names": names,
            "model": card.name,
            "model_version": card.version,
            "sequences_used": prepared.sequences_used,
            "warnings": prepared.warnings + card.in_sample_warnings(study.patient_id),
        }

    def _mask_until_now(self, study: Study, prepared: PreparedStudy, request: dict[str, Any]) -> Mask:
        if not request.get("label"):
            return _nothing(prepared)
        name, path = f"the current mask of study '{study.id}'", Path(request["label"])
        mask = on_grid_of(read_sent_mask(path, name), prepared.image, name)
        parts = [text for text in read_label_names(path).values() if part_of_name(text) not in (None, UNDIVIDED)]
        if parts:
            raise InputError(
                f"{name} has the segment '{parts[0]}', and '{self._name}' knows a whole lesion alone; say as 'part' "
                f"which part is corrected: {', '.join(REGIONS)}"
            )
        return mask


def _labels_until_now(study: Study, prepared: PreparedStudy, request: dict[str, Any]) -> Mask:
    """The label map that came with a request, with the values of models that tell parts apart."""
    if not request.get("label"):
        return _nothing(prepared)
    name, path = f"the current mask of study '{study.id}'", Path(request["label"])
    mask = on_grid_of(read_sent_mask(path, name), prepared.image, name)
    numbering = numbering_of_mask(
        labels_of_mask(mask),
        name,
        given=text_option(request, "numbering"),
        study=study.numbering,
        segments=read_label_names(path),
    )
    return to_labels(mask, numbering, name)


def _nothing(prepared: PreparedStudy) -> Mask:
    return prepared.image.with_array(np.zeros(prepared.image.shape, np.uint8))


def clicks_of(request: dict[str, Any]) -> list[Click]:
    """The clicks of a request, in their order.

    ``clicks`` is a list of ``{"voxel": [i, j, k], "lesion": true}``; ``foreground`` and ``background``, lists of
    voxels, are what MONAI Label's own clients send.
    """
    sent_clicks = request.get("clicks")
    if sent_clicks is None:
        sent_clicks = [
            {"voxel": voxel, "lesion": name == "foreground"}
            for name in ("background", "foreground")
            for voxel in _list(request.get(name) or [], name)
        ]
    clicks = [_click(value) for value in _list(sent_clicks, "clicks")]
    if len(clicks) > MOST_CLICKS:
        raise InputError(f"the request has {len(clicks)} clicks; expected at most {MOST_CLICKS}")
    return clicks


def _one_more_each(request: dict[str, Any], clicks: list[Click]) -> Iterator[list[Click]]:
    """The clicks until each that the mask does not know yet: with ``clicks`` and a mask the last, else all are new."""
    if not clicks:
        raise InputError("there is no click; give 'clicks', a 'stroke' or a 'box'")
    first = len(clicks) - 1 if request.get("clicks") is not None and request.get("label") else 0
    for number in range(first, len(clicks)):
        if abandoned():
            raise InterruptedError("the clicks were abandoned")
        yield clicks[: number + 1]


def _click(value: Any) -> Click:
    if not isinstance(value, dict) or not isinstance(value.get("lesion"), bool):
        raise InputError(f'a click is {str(value)[:80]}; expected {{"voxel": [i, j, k], "lesion": true or false}}')
    return Click(_voxel(value.get("voxel"), "the voxel of a click"), value["lesion"])


def _box(value: Any) -> Box:
    corners = value.get("corners") if isinstance(value, dict) else None
    if not isinstance(corners, list) or len(corners) != 2 or not isinstance(value.get("lesion"), bool):
        expected = '{"corners": [[i, j, k], [i, j, k]], "lesion": true or false}'
        raise InputError(f"the box is {str(value)[:80]}; expected {expected}")
    first, second = (_voxel(corner, "a corner of the box") for corner in corners)
    return Box(first, second, value["lesion"])


def _stroke(value: Any) -> Stroke:
    voxels = value.get("voxels") if isinstance(value, dict) else None
    if not isinstance(voxels, list) or not isinstance(value.get("lesion"), bool):
        raise InputError(
            f'the stroke is {str(value)[:80]}; expected {{"voxels": [[i, j, k], ...], "lesion": true or false}}'
        )
    if len(voxels) > MOST_VOXELS:
        raise InputError(f"the stroke has {len(voxels)} voxels; expected at most {MOST_VOXELS}")
    return Stroke(tuple(_voxel(voxel, "a voxel of the stroke") for voxel in voxels), value["lesion"])


def _voxel(value: Any, name: str) -> tuple[int, int, int]:
    numbers = _whole_numbers(value, name)
    if len(numbers) != 3:
        raise InputError(f"{name} is {numbers}; expected [i, j, k]")
    return numbers[0], numbers[1], numbers[2]


def _whole_numbers(value: Any, name: str) -> list[int]:
    numbers = _list(value, name)
    if not all(isinstance(number, int) and not isinstance(number, bool) for number in numbers):
        raise InputError(f"{name} is {str(value)[:80]}; expected whole numbers")
    return numbers


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise InputError(f"{name} is {str(value)[:80]!r}; expected a list")
    return value
