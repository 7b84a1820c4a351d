"""What lies in a folder: its images, DICOM files and everything else, found without reading a voxel."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gliomics.errors import InputError
from gliomics.files import is_file, suffix_of
from gliomics.intake.plan import LeftOut
from gliomics.study.images import IMAGE_SUFFIXES
from gliomics.study.no_study import STUDY_FILE, looks_like_dicom

ARCHIVES = (".zip", ".tar", ".gz", ".tgz", ".7z", ".rar", ".bz2", ".xz", ".zst")
_BIDS_DESCRIPTION = "dataset_description.json"
_OTHER_IMAGES = {".img", ".hdr", ".mha", ".mhd", ".mgz", ".mgh", ".mnc", ".nhdr", ".par", ".rec"}
_DICOM = {".dcm", ".dicom", ".ima"}
_NO_DICOM = {
    *ARCHIVES, *_OTHER_IMAGES,
    ".json", ".csv", ".tsv", ".txt", ".md", ".tif", ".tiff", ".png", ".jpg", ".jpeg", ".pdf", ".xml", ".html", ".bval",
    ".bvec", ".xls", ".xlsx", ".log", ".py", ".mat", ".npy", ".npz", ".webp", ".docx", ".yaml", ".yml", ".tfm", ".h5",
}  # fmt: skip


@dataclass
class FolderContent:
    """The files below a folder, by kind, as paths from the folder."""

    root: Path
    images: list[str]
    dicom: list[str]
    other_files: list[str]
    studies: list[str]
    """Folders that are studies already."""

    def path(self, relative: str) -> Path:
        """The file's whole path."""
        return self.root / relative

    def left_out(self) -> list[LeftOut]:
        """What no layout takes: archives and formats that are not read are open, the rest is not asked about."""
        items = [LeftOut(f"{folder}/", f"is a study already ({STUDY_FILE})") for folder in self.studies]
        for name in self.other_files:
            suffix = suffix_of(Path(name))
            if suffix in ARCHIVES:
                items.append(LeftOut(name, "an archive; unpack it and import again", is_open=True))
            elif suffix in _OTHER_IMAGES:
                items.append(
                    LeftOut(name, f"images of type {suffix} are not read; convert it to .nii.gz", is_open=True)
                )
            elif Path(name).name == "sourcedata":
                items.append(LeftOut(f"{name}/", "what the images of a BIDS data set were made of"))
            elif self.path(name).is_symlink() and not self.path(name).exists():
                items.append(LeftOut(name, "a link to a file that is not there; fetch the data first", is_open=True))
            elif not is_file(self.path(name)):
                items.append(LeftOut(name, "a pipe, socket or device, not a file", is_open=True))
            else:
                items.append(LeftOut(name, f"no image (type {suffix or 'unknown'})"))
        return items


def find_files(root: Path, *, without: Path | None = None) -> FolderContent:
    """All files below ``root`` but hidden ones and those below ``without``, sorted.

    Raises :class:`InputError` when ``root`` is a file (an archive is to be unpacked) or is missing.
    """
    root = Path(root)
    if root.is_file():
        kind = (
            "an archive; unpack it and give its folder"
            if suffix_of(root) in ARCHIVES[:4]
            else "a file; give its folder"
        )
        raise InputError(f"{root} is {kind}")
    if not root.is_dir():
        raise InputError(f"{root} is not a folder; give the folder that holds the images")
    files = FolderContent(root, [], [], [], [])
    for folder, names in _walk(root, without):
        inside = folder.relative_to(root).as_posix()
        if _BIDS_DESCRIPTION in names and (folder / "sourcedata").is_dir():
            files.other_files.append("sourcedata" if inside == "." else f"{inside}/sourcedata")
        if STUDY_FILE in names:
            files.studies.append(inside)
            continue
        for name in names:
            relative = name if inside == "." else f"{inside}/{name}"
            suffix = suffix_of(Path(name))
            if not is_file(folder / name):  # a pipe, a device, or a link to nothing
                files.other_files.append(relative)
            elif suffix in IMAGE_SUFFIXES:
                files.images.append(relative)
            elif suffix in _DICOM or (suffix not in _NO_DICOM and looks_like_dicom(folder / name)):
                files.dicom.append(relative)
            else:
                files.other_files.append(relative)
    return files


def _walk(root: Path, without: Path | None) -> Iterator[tuple[Path, list[str]]]:
    """Folders and their visible files, in order; links to folders are followed, each folder once."""
    visited: set[str] = set()
    avoided = os.path.realpath(without) if without is not None else None
    for top, folders, names in os.walk(root, followlinks=True):
        real = os.path.realpath(top)
        if real in visited or real == avoided:
            folders.clear()
            continue
        visited.add(real)
        visible = sorted(name for name in names if not name.startswith("."))
        if _BIDS_DESCRIPTION in visible and "sourcedata" in folders:
            folders.remove("sourcedata")  # what the images were made of, often DICOM
        folders[:] = [] if STUDY_FILE in visible else sorted(name for name in folders if not name.startswith("."))
        yield Path(top), visible
