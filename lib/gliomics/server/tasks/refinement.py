"""Infer task: the current mask corrected by clicks, strokes, boxes or drawn slices."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from monailabel.interfaces.tasks.infer_v2 import InferType

from gliomics.errors import InputError
from gliomics.interactive.refine import Refiner
from gliomics.records import MOST_CLICKS, Box, Click
from gliomics.segmentation.model import PreparedStudy
from gliomics.server.input_cache import PreparedStudies
from gliomics.server.lanes import abandoned
from gliomics.server.model_cache import ModelCache
from gliomics.server.request_study import read_sent_mask
from gliomics.server.storage import temporary_file
from gliomics.server.tasks.infer import NetworkTask, Result, text_option
from gliomics.study.geometry import on_grid_of
from gliomics.study.images import write_mask
from gliomics.study.records import Study
from gliomics.study.volumes import Mask


class RefinementTask(NetworkTask[Refiner]):
    """Corrects a mask, sent as ``label``, by what the user says; without one it begins with an empty mask.

    Nothing is kept between requests but prepared images: sending the mask and the clicks of an earlier request again
    gives its answer again, so that a client undoes an interaction by going back to what it had.
    """

    def __init__(self, name: str, refiners: ModelCache[Refiner], studies: PreparedStudies, temporary: Path) -> None:
        description = "Corrects the current mask by clicks, strokes, boxes and drawn slices"
        super().__init__(name, refiners, studies, temporary, kind=InferType.DEEPGROW, description=description)

    def run(self, study: Study, request: dict[str, Any]) -> Result:
        """The corrected mask, 1 and 0, as a NIfTI file."""
        refiner = self._models.get(self._name)
        prepared = self._studies.get(refiner, study, text_option(request, "resample_to"))
        mask = self._mask_until_now(study, prepared, request)
        clicks, drawn = clicks_of(request), request.get("drawn_slices")
        if request.get("box") is not None:
            mask = refiner.within_box(prepared, mask, _box(request["box"]))
        elif drawn is not None:
            mask = refiner.propagate(prepared, mask, _whole_numbers(drawn, "drawn_slices"), abandoned)
        elif clicks:
            for number in range(_first_new(request, clicks), len(clicks)):
                if abandoned():
                    raise InterruptedError("the clicks were abandoned")
                mask = refiner.refine(prepared, mask, clicks[: number + 1])
        else:
            mask = refiner.from_scribbles(prepared, mask)
        with temporary_file(self._temporary, f"{study.id}-", ".nii.gz") as path:
            write_mask(mask, path)
        return str(path), {
            "label_names": self.labels,
            "model": refiner.card.name,
            "model_version": refiner.card.version,
            "sequences_used": prepared.sequences_used,
            "warnings": prepared.warnings + refiner.card.in_sample_warnings(study.patient_id),
        }

    def _mask_until_now(self, study: Study, prepared: PreparedStudy, request: dict[str, Any]) -> Mask:
        if not request.get("label"):
            return prepared.image.with_array(np.zeros(prepared.image.shape, np.uint8))
        name = f"the current mask of study '{study.id}'"
        return on_grid_of(read_sent_mask(Path(request["label"]), name), prepared.image, name)


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


def _first_new(request: dict[str, Any], clicks: list[Click]) -> int:
    """The first click that the mask does not know yet: with ``clicks`` the last, else all are new."""
    return len(clicks) - 1 if request.get("clicks") is not None and request.get("label") else 0


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
