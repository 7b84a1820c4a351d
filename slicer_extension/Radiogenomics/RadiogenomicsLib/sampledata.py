"""The synthetic study that the module *Sample Data* offers; it needs no network where its files are here."""

from __future__ import annotations

from pathlib import Path

from slicer.i18n import tr as _

from RadiogenomicsLib.sequences import TITLES

CATEGORY = "Gliomics"
STUDY = "sample-02"
PUBLISHED = "https://raw.githubusercontent.com/gliomics/gliomics/main/sample_studies"
SHA256 = {
    "flair": "c230dc8ba1ddb65553361190786cc699fcb59d75e613638f46752247f5906a48",
    "t1": "0275152b90e3f19ef6a897906cd693438aa2d604e6c6d45822e4f2168d943f6a",
    "t1c": "aee36ecbabb16f9a6b6a4deb646cbada16d54c8b5a60a3de7ea19a2db1a13749",
    "t2": "3e48e08c5bd43b25ee396ad256c03e4fe4442e0ffa9a7c3d4e2ce5f0f090a665",
}
"""Of the files ``<sequence>.nii.gz``."""


def register(module: Path) -> None:
    """Offer the study; ``module`` is the module's folder.

    The installed extension has its files beside the module, a checkout has them at its top; they are downloaded
    otherwise.
    """
    from SampleData import SampleDataLogic

    folders = (module / "SampleStudies" / STUDY, module.parents[1] / "sample_studies" / STUDY)
    start = next((folder.as_uri() for folder in folders if folder.is_dir()), f"{PUBLISHED}/{STUDY}")
    SampleDataLogic.registerCustomSampleDataSource(
        category=CATEGORY,
        sampleName=_("Glioma (synthetic)"),
        uris=[f"{start}/{sequence}.nii.gz" for sequence in SHA256],
        fileNames=[f"Gliomics-{STUDY}-{sequence}.nii.gz" for sequence in SHA256],
        nodeNames=[f"{STUDY} {TITLES[sequence]}" for sequence in SHA256],
        checksums=[f"SHA256:{digest}" for digest in SHA256.values()],
        thumbnailFileName=str(module / "Resources" / "Icons" / "SampleStudy.png"),
        loadFileType="VolumeFile",
    )
