"""Write the sample studies as a scanner sends them: DICOM in the folder incoming, and beside it outcomes.csv."""

import json
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from gliomics.study import list_studies, read_volume

SAMPLES, INCOMING = Path("sample_studies"), Path("incoming")
SERIES = {
    "t1": {"SeriesDescription": "AX T1", "RepetitionTime": 600, "EchoTime": 12},
    "t1c": {"SeriesDescription": "AX T1 POST GD", "RepetitionTime": 600, "EchoTime": 12},
    "t2": {"SeriesDescription": "AX T2", "RepetitionTime": 4500, "EchoTime": 95},
    "flair": {"SeriesDescription": "AX FLAIR", "RepetitionTime": 9000, "EchoTime": 120, "InversionTime": 2500},
}

for study in list_studies(SAMPLES):
    if study.timepoint != "baseline":
        continue
    head = {"PatientID": study.patient_id, "StudyDate": study.date.replace("-", ""), "StudyInstanceUID": generate_uid()}
    head |= {"Modality": "MR", "SOPClassUID": MRImageStorage, "FrameOfReferenceUID": generate_uid()}
    for number, (sequence, series) in enumerate(SERIES.items(), 1):
        image, uid = read_volume(study.path(sequence)), generate_uid()
        to_patient = np.diag([-1, -1, 1, 1]) @ image.affine  # DICOM's axes run to the left and to the back
        column, row, slice_spacing = image.spacing
        for k, plane in enumerate(np.moveaxis(image.array, 2, 0).astype(np.uint16)):
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            file = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
            place = {"ImagePositionPatient": [*to_patient[:3, 2] * k + to_patient[:3, 3]], "InstanceNumber": k + 1}
            axes = {"ImageOrientationPatient": [*(to_patient[:3, :2] / [column, row]).T.ravel()]}
            size = {"PixelSpacing": [row, column], "SliceThickness": slice_spacing, "Rows": plane.shape[1]}
            size |= {"Columns": plane.shape[0], "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15}
            kind = {"SamplesPerPixel": 1, "PhotometricInterpretation": "MONOCHROME2", "PixelRepresentation": 0}
            known = {"SeriesInstanceUID": uid, "SeriesNumber": number, "SOPInstanceUID": generate_uid()}
            for name, value in (head | series | place | axes | size | kind | known).items():
                setattr(file, name, value)
            file.PixelData = plane.T.tobytes()
            path = INCOMING / study.id / f"{number}" / f"IM{k + 1:04d}"
            path.parent.mkdir(parents=True, exist_ok=True)
            file.save_as(path)

entries = json.loads((SAMPLES / "manifest.json").read_text())["studies"]
planted = {entry["patient_id"]: entry["subtype"]["IDH"] for entry in entries}
Path("outcomes.csv").write_text("patient_id,IDH\n" + "".join(f"{patient},{idh}\n" for patient, idh in planted.items()))
files = sum(path.is_file() for path in INCOMING.rglob("*"))
print(f"{files} files of {len(planted)} patients in incoming, their IDH status in outcomes.csv")
