"""Which MR sequence an image is, told from names and acquisition parameters, and undecided rather than wrong."""

from gliomics.sequences.file_names import canonical_sequence, is_mask_name, split_sequence_suffix
from gliomics.sequences.recognition import recognise
from gliomics.sequences.records import (
    CONTRAST_DETAILS,
    DISPLAY_ORDER,
    SEQUENCES,
    Acquisition,
    Recognition,
    contrast_details,
    in_order,
)
from gliomics.sequences.time_marks import TimeMarks, time_marks, two_times

__all__ = [
    "CONTRAST_DETAILS",
    "DISPLAY_ORDER",
    "SEQUENCES",
    "Acquisition",
    "Recognition",
    "TimeMarks",
    "canonical_sequence",
    "contrast_details",
    "in_order",
    "is_mask_name",
    "recognise",
    "split_sequence_suffix",
    "time_marks",
    "two_times",
]
