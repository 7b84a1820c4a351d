"""Studies: what they are, where they lie, how their images are read, written and brought to one grid."""

from gliomics.study.folder import find_study, list_studies, open_studies, read_study_folder, write_study_json
from gliomics.study.geometry import check_same_grid, load_sequences, on_grid_of, resample_mask, resample_to, same_grid
from gliomics.study.images import (
    from_sitk,
    read_label_names,
    read_mask,
    read_volume,
    to_sitk,
    write_mask,
    write_segments,
    write_volume,
)
from gliomics.study.labels import MASK_SUFFIXES, find_label, find_mask, label_path, labels_folder, unused_masks
from gliomics.study.records import SEQUENCES, UNNAMED_SEQUENCE, Study
from gliomics.study.volumes import Mask, Volume

__all__ = [
    "MASK_SUFFIXES",
    "SEQUENCES",
    "UNNAMED_SEQUENCE",
    "Mask",
    "Study",
    "Volume",
    "check_same_grid",
    "find_label",
    "find_mask",
    "find_study",
    "from_sitk",
    "label_path",
    "labels_folder",
    "list_studies",
    "load_sequences",
    "on_grid_of",
    "open_studies",
    "read_label_names",
    "read_mask",
    "read_study_folder",
    "read_volume",
    "resample_mask",
    "resample_to",
    "same_grid",
    "to_sitk",
    "unused_masks",
    "write_mask",
    "write_segments",
    "write_study_json",
    "write_volume",
]
