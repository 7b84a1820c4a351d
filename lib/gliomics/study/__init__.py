"""Studies: what they are, where they lie, how their images are read, written and brought to one grid."""

from gliomics.study.folder import find_study, list_studies, open_studies, read_study_folder, write_study_json
from gliomics.study.geometry import check_same_grid, load_sequences, resample_to, same_grid
from gliomics.study.images import from_sitk, read_mask, read_volume, to_sitk, write_mask, write_volume
from gliomics.study.labels import check_mask, label_path
from gliomics.study.records import SEQUENCES, UNNAMED_SEQUENCE, Mask, Study, Volume

__all__ = [
    "SEQUENCES",
    "UNNAMED_SEQUENCE",
    "Mask",
    "Study",
    "Volume",
    "check_mask",
    "check_same_grid",
    "find_study",
    "from_sitk",
    "label_path",
    "list_studies",
    "load_sequences",
    "open_studies",
    "read_mask",
    "read_study_folder",
    "read_volume",
    "resample_to",
    "same_grid",
    "to_sitk",
    "write_mask",
    "write_study_json",
    "write_volume",
]
