"""Which MR sequence an image is, told from names and acquisition parameters, and undecided rather than wrong."""

from gliomics.sequences.file_names import canonical_sequence, is_mask_name, patient_of, split_sequence_suffix
from gliomics.sequences.recognition import recognise
from gliomics.sequences.records import SEQUENCES, Acquisition, Recognition

__all__ = [
    "SEQUENCES",
    "Acquisition",
    "Recognition",
    "canonical_sequence",
    "is_mask_name",
    "patient_of",
    "recognise",
    "split_sequence_suffix",
]
