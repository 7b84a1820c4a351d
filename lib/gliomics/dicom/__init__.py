"""DICOM MR series in: folders of files to examinations, their series, and volumes; nothing is left out unnamed."""

from gliomics.dicom.examinations import find_examinations
from gliomics.dicom.records import Examination, Frame, Omission, Series
from gliomics.dicom.volume import read_series

__all__ = ["Examination", "Frame", "Omission", "Series", "find_examinations", "read_series"]
