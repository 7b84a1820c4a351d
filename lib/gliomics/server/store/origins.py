"""Where a label came from: the automatic masks that were given out for a study, and what a label keeps of them."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gliomics.errors import GliomicsError
from gliomics.files import check_inside, safe_name
from gliomics.preprocess import to_canonical
from gliomics.segmentation.label_origin import MADE_FROM, changed_share, kept_edge
from gliomics.server.store.kept_records import in_place
from gliomics.study.images import read_mask, write_mask
from gliomics.study.volumes import Mask

ORIGIN = "origin"
"""Key of a label's origin in what is noted about it; clients cannot set it."""


class AutomaticMasks:
    """The last mask of each study that each version of a model gave, ``<folder>/<study id>/<model>/<version>.nii.gz``.

    They are kept to tell later where a label came from.
    """

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder, self._root = folder, root

    def keep(self, study_id: str, model: str, version: str, mask: Path) -> None:
        """Keep a mask that is given out."""
        with in_place(self._study(study_id) / safe_name(model, "model name"), self._root) as folder:
            write_mask(read_mask(mask), folder / f"{int(version)}.nii.gz")

    def origin_of(self, study_id: str, label: Mask) -> dict[str, Any]:
        """Where a label of a study came from, as ``kind``.

        ``unchanged`` and ``edited``: from the mask of ``model`` and ``version``, of which the share ``changed`` of the
        lesion, by either, is another now. ``independent``: it keeps nothing of any mask that was given out for the
        study. ``unknown``: none was.
        """
        canonical = to_canonical(label).array
        origin: dict[str, Any] = {"kind": "unknown"}
        largest_share = MADE_FROM
        for path in sorted(self._study(study_id).glob("*/*.nii.gz")):
            with contextlib.suppress(GliomicsError):  # damaged: it tells nothing
                automatic = to_canonical(read_mask(check_inside(path, self._root))).array
                if automatic.shape != canonical.shape or not automatic.any():
                    continue
                share = kept_edge(canonical, automatic)
                if share >= largest_share:
                    changed = changed_share(canonical, automatic)
                    largest_share = share
                    origin = {
                        "kind": "edited" if changed else "unchanged",
                        "model": path.parent.name,
                        "version": path.name.split(".")[0],
                        "changed": round(changed, 4),
                    }
                elif origin["kind"] == "unknown":
                    origin = {"kind": "independent"}
        return origin

    def _study(self, study_id: str) -> Path:
        return self._folder / safe_name(study_id, "study id")


def made_from(info: Mapping[str, Any]) -> str | None:
    """The model and version, ``segmentation_flair/3``, from whose mask a label was made, if that is known."""
    origin = info.get(ORIGIN)
    if not isinstance(origin, dict) or not {"model", "version"} <= origin.keys():
        return None
    return f"{origin['model']}/{origin['version']}"
