"""Open a study, look at its images and at the outline of its tumour: writes sample-02.png."""

import gliomics
from gliomics.report.lesion_slices import slices_with_outline

study = gliomics.open_study("sample_studies/sample-02")
print(study)

volumes = gliomics.load_sequences(study, ["flair", "t1c"])
mask = gliomics.read_mask("sample_studies/truth/sample-02.nii.gz")
for name, volume in volumes.items():
    print(name, volume)
print("mask", mask)

slices_with_outline(volumes, mask, mask_name="tumour").savefig("sample-02.png", bbox_inches="tight")
print("the outline is in sample-02.png")
