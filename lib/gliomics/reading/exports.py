"""The files in which results leave: their formats, and how they are called."""

from __future__ import annotations

EXPORT_SUFFIXES = {"csv": ".csv", "xlsx": ".xlsx", "html": ".html", "seg": ".seg.dcm", "sr": ".sr.dcm"}
"""By format, how its files end, in the order in which they are offered."""

DICOM_FORMATS = ("seg", "sr")
"""Formats that belong to the DICOM images of the study; a report refers to its segmentation, which comes with it."""


def with_referred(formats: list[str]) -> list[str]:
    """The formats that are written where these are asked for, each once and in order.

    >>> with_referred(["sr", "csv"])
    ['csv', 'seg', 'sr']
    """
    wanted = {*formats, *(["seg"] if "sr" in formats else [])}
    return [name for name in EXPORT_SUFFIXES if name in wanted]


def export_name(study_id: str, segment: str, export_format: str) -> str:
    """The file name of an export: study and segment, with ``-`` for what no file's name may have.

    >>> export_name("case-7", "Tumour / left", "seg")
    'case-7_Tumour-left.seg.dcm'
    """
    words = "".join(sign if sign.isalnum() or sign in "._-" else " " for sign in f"{study_id} {segment}").split()
    study, *rest = words or ["study"]
    stem = "_".join(filter(None, [study, "-".join(rest).strip("-.")]))
    return f"{stem.lstrip('.-')[:120]}{EXPORT_SUFFIXES[export_format]}"
