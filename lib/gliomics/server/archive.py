"""MR series of a DICOMweb archive as images, with their labels as DICOM Segmentations beside them.

A series is one study of one sequence. MONAI Label's own store of an archive writes Segmentations with a program that it
downloads and reads them with pydicom_seg, which wants pydicom 2; what differs here is how images and labels are read
and written.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicomweb_client.ext.gcp.session_utils import create_session_from_gcp_credentials
from dicomweb_client.session_utils import create_session_from_user_pass
from monailabel.config import settings
from monailabel.datastore.dicom import DICOMwebClientX, DICOMWebDatastore
from monailabel.datastore.local import LocalDatastore
from monailabel.datastore.utils.convert import binary_to_image
from monailabel.datastore.utils.dicom import dicom_web_download_series

from gliomics.dicom import find_examinations, read_series
from gliomics.dicom.segmentation import read_segmentation, segmentation_of
from gliomics.errors import InputError, UnknownNameError
from gliomics.files import safe_name
from gliomics.study import Mask, on_grid_of, read_mask, read_volume, write_mask, write_volume

_FINAL = "final"
_UID = re.compile(r"[0-9.]{1,64}")


class DicomArchive(DICOMWebDatastore):
    """The MR series of a DICOMweb archive; what was read of them is kept in a folder of this machine."""

    def __init__(self, url: str) -> None:
        user, password = settings.MONAI_LABEL_DICOMWEB_USERNAME, settings.MONAI_LABEL_DICOMWEB_PASSWORD
        session = create_session_from_user_pass(user, password) if user and password else None
        if "googleapis.com" in url:
            session = create_session_from_gcp_credentials()
        client = DICOMwebClientX(
            url=url,
            session=session,
            qido_url_prefix=settings.MONAI_LABEL_QIDO_PREFIX,
            wado_url_prefix=settings.MONAI_LABEL_WADO_PREFIX,
            stow_url_prefix=settings.MONAI_LABEL_STOW_PREFIX,
        )
        super().__init__(
            client=client,
            search_filter=settings.MONAI_LABEL_DICOMWEB_SEARCH_FILTER,
            cache_path=(settings.MONAI_LABEL_DICOMWEB_CACHE_PATH or "").strip() or None,
            fetch_by_frame=settings.MONAI_LABEL_DICOMWEB_FETCH_BY_FRAME,
        )

    def get_image_uri(self, image_id: str) -> str:
        """The file of a series, fetched when it is first asked for.

        Raises :class:`UnknownNameError` for a series that the archive does not have, :class:`InputError` and
        :class:`GeometryError` for one that is no regular stack of slices.
        """
        file = self._images / f"{_checked_uid(image_id)}.nii.gz"
        if file.exists() and image_id in self._datastore.objects:
            return str(file)
        folder = self._instances(image_id)
        examinations, _ = find_examinations(sorted(folder.iterdir()))
        series = [series for examination in examinations for series in examination.series]
        if len(series) != 1:
            raise InputError(f"series {image_id} of the archive holds {len(series)} images; expected one MR volume")
        info = {**self._dicom_info(image_id), "sequence": series[0].recognition.sequence}
        with tempfile.TemporaryDirectory() as temporary:
            image = Path(temporary) / file.name
            write_volume(read_series(series[0]), image)
            self.add_image(image_id, str(image), info)
        return str(file)

    def save_label(
        self, image_id: str, label_filename: str, label_tag: str, label_info: dict[str, Any], label_id: str = ""
    ) -> str:
        """Keep a mask of a series, and store a final one in the archive as a DICOM Segmentation.

        Raises :class:`GeometryError` for a mask that does not lie on the series' grid, and :class:`InputError` for what
        is no mask and for a final one without a labelled voxel.
        """
        tag, image_file = safe_name(label_tag, "label tag"), self.get_image_uri(image_id)
        if Path(label_filename).suffix == ".bin":  # OHIF sends voxels without a header
            label_filename = binary_to_image(image_file, label_filename)
        label = read_mask(Path(label_filename))
        mask = on_grid_of(label, read_volume(Path(image_file)), "the label", f"series {image_id}")
        info = dict(label_info or {})
        if tag == _FINAL:
            dataset = self.segmentation(image_id, mask, info.get("label_info"), automatic=False)
            self._client.store_instances([dataset])
            info["SeriesInstanceUID"] = str(dataset.SeriesInstanceUID)
            DICOMWebDatastore.get_labeled_images.cache.clear()
        return self._keep(image_id, mask, tag, info)

    def get_label_uri(self, label_id: str, label_tag: str, image_id: str = "") -> str:
        """The file of a series' label, empty where there is none; of the final one, that of the newest in the archive.

        Raises :class:`InputError` where the archive holds a Segmentation that cannot be read, and
        :class:`GeometryError` for one that does not lie on the series' grid.
        """
        image_id = _checked_uid(image_id or label_id)
        if label_tag != _FINAL:
            return str(LocalDatastore.get_label_uri(self, image_id, label_tag))
        image = Path(self.get_image_uri(image_id))
        study, series = self._newest_segmentation(image_id)
        if not series:
            return ""
        cached = str(LocalDatastore.get_label_uri(self, image_id, _FINAL))
        if Path(cached).is_file() and self.get_label_info(image_id, _FINAL).get("SeriesInstanceUID") == series:
            return cached
        (dataset, *_) = self._client.retrieve_series(study, series)
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / f"{series}.dcm"
            dataset.save_as(file)
            mask = on_grid_of(
                read_segmentation(file), read_volume(image), f"segmentation {series}", f"series {image_id}"
            )
        self._keep(image_id, mask, _FINAL, {"SeriesInstanceUID": series})
        return str(LocalDatastore.get_label_uri(self, image_id, _FINAL))

    def segmentation(self, image_id: str, mask: Mask, label_info: object, *, automatic: bool) -> pydicom.Dataset:
        """A mask of a series as a DICOM Segmentation; ``label_info`` is what MONAI Label's clients send with it."""
        headers = [
            pydicom.dcmread(path, stop_before_pixels=True) for path in sorted(self._instances(image_id).iterdir())
        ]
        names = _names(mask, label_info)
        return segmentation_of(
            mask,
            headers,
            names,
            drawn="AUTOMATIC" if automatic else "SEMIAUTOMATIC",
            description="Gliomics segmentation",
        )

    @property
    def _images(self) -> Path:
        return Path(self._datastore.image_path())

    def _instances(self, image_id: str) -> Path:
        """The folder of a series' DICOM files, fetched as a whole or not at all."""
        folder = self._images / image_id
        if folder.is_dir():
            return folder
        if not self._client.search_for_series(search_filters={"SeriesInstanceUID": image_id}):
            raise UnknownNameError(f"there is no series '{image_id}' in the archive")
        with tempfile.TemporaryDirectory(dir=self._images.parent) as temporary:
            fetched = Path(temporary) / "series"
            dicom_web_download_series(None, image_id, str(fetched), self._client, self._fetch_by_frame)
            fetched.rename(folder)
        return folder

    def _newest_segmentation(self, image_id: str) -> tuple[str, str]:
        """Study and series of the newest Segmentation of a series; the latter empty where there is none."""
        study = str(self._dicom_info(image_id)["StudyInstanceUID"])
        newest = ("", "")
        for entry in self._client.search_for_series(study, search_filters={"Modality": "SEG"}):
            series = str(pydicom.Dataset.from_json(entry).SeriesInstanceUID)
            (header, *_) = map(pydicom.Dataset.from_json, self._client.retrieve_series_metadata(study, series))
            references = header.get("ReferencedSeriesSequence") or []
            if image_id in [str(item.get("SeriesInstanceUID")) for item in references]:
                written = f"{header.get('ContentDate') or ''}{header.get('ContentTime') or ''}"
                newest = max(newest, (written, series))
        return study, newest[1]

    def _keep(self, image_id: str, mask: Mask, tag: str, info: dict[str, Any]) -> str:
        with tempfile.TemporaryDirectory() as temporary:
            file = Path(temporary) / f"{image_id}.nii.gz"
            write_mask(mask, file)
            return str(LocalDatastore.save_label(self, image_id, str(file), tag, info))


def _checked_uid(image_id: str) -> str:
    if not _UID.fullmatch(image_id):
        raise UnknownNameError(f"there is no series {image_id[:80]!r} in the archive; a series is named by its UID")
    return image_id


def _names(mask: Mask, label_info: object) -> Mapping[int, str]:
    """The names of label values: those sent with their value (``idx``), or as many as the mask has values.

    Where neither is so, it is open which name is whose, and there are none.
    """
    entries = label_info if isinstance(label_info, Sequence) else []
    items = [item for item in entries if isinstance(item, Mapping) and item.get("name")]
    if all(type(item.get("idx")) is int for item in items):
        return {item["idx"]: str(item["name"]) for item in items}
    values = [int(value) for value in np.unique(mask.array) if value]
    return (
        {value: str(item["name"]) for value, item in zip(values, items, strict=True)}
        if len(items) == len(values)
        else {}
    )
