"""Whatever a header says, reading ends with an image or an error that names the file."""

from __future__ import annotations

import gzip
import random
import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gliomics.errors import GliomicsError, InputError
from gliomics.study import Volume, read_label_names, read_mask, read_volume, write_mask, write_volume

pytestmark = pytest.mark.slow

AFFINE = np.diag([1.0, 2.0, 3.0, 1.0])
NAN, INF = float("nan"), float("inf")
FLOATS = (NAN, INF, -INF, 0.0, -1.0, 0.5, 1e38, -1e38, 1e-45, 351.0, 353.0, 1e9)
SHORTS = (0, -1, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 768, 1024, 1280, 1536, 1792, 2048, 2304, 32767, -32768)
WORDS = (0, -1, 2**31 - 1, -(2**31), 348, 540, 4)
FLOAT_FIELDS = {
    "pixdim": tuple(range(76, 108, 4)),
    "vox_offset": (108,),
    "scl_slope": (112,),
    "scl_inter": (116,),
    "quaternion and offset": tuple(range(256, 280, 4)),
    "sform": tuple(range(280, 328, 4)),
}
SHORT_FIELDS = {
    "dim": tuple(range(40, 56, 2)),
    "datatype": (70,),
    "bitpix": (72,),
    "qform_code": (252,),
    "sform_code": (254,),
}
NRRD_FIELDS = (
    b"type: |dimension: |sizes: |space: |space dimension: |space directions: |space origin: |spacings: |kinds: |"
    b"endian: |encoding: |measurement frame: |centers: |thicknesses: |axis mins: |old min: |block size: |number: |"
    b"content: |units: |Segment0_LabelValue:=|Segment0_Layer:=|Segment0_Name:=|Segment0_ID:="
).split(b"|")
NRRD_VALUES = (
    b"nan|inf|-1|0||1e400|99999999999999999999|none|\xff\xfe|(nan,nan,nan) (0,0,0) (1,0,0)|(0,0,0)|gzip|raw|ascii|hex|"
    b"bzip2|block|double|int8|3 3 3|5 5 5 1|space space space|(1,0,0) (0,1,0)|left-posterior-superior|scanner-xyz|2|3|4"
).split(b"|")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A good mask and a good image as NIfTI, and the mask as NRRD."""
    folder = tmp_path_factory.mktemp("good")
    mask = Volume((np.arange(125) % 3).reshape(5, 5, 5).astype(np.uint8), AFFINE)
    write_mask(mask, folder / "mask.nii")
    write_volume(Volume(np.linspace(0, 1, 125, dtype=np.float32).reshape(5, 5, 5), AFFINE), folder / "image.nii")
    write_mask(mask, folder / "mask.nrrd")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def read_or_refuse(path: Path) -> None:
    """Read a file in every way; an error must be one that is told to people, and name the file."""
    for read in (read_volume, read_mask, read_label_names):
        try:
            read(path)
        except GliomicsError as error:
            assert str(path) in str(error)
            str(error).encode()


def with_fields(header: bytes) -> Iterator[bytes]:
    """The file with each field of its NIfTI header set to each odd value."""
    for fields, values, kind in ((FLOAT_FIELDS, FLOATS, "<f"), (SHORT_FIELDS, SHORTS, "<h")):
        for offset in (place for places in fields.values() for place in places):
            for value in values:
                damaged = bytearray(header)
                struct.pack_into(kind, damaged, offset, value)
                yield bytes(damaged)
    for value in WORDS:
        damaged = bytearray(header)
        struct.pack_into("<i", damaged, 0, value)
        yield bytes(damaged)


@pytest.mark.parametrize("name", ["mask.nii", "image.nii"])
def test_nifti_with_any_field_of_its_header_damaged_is_read_or_refused(
    files: dict[str, bytes], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "damaged.nii"
    for content in with_fields(files[name]):
        path.write_bytes(content)
        read_or_refuse(path)


def test_nifti_with_several_bytes_of_its_header_damaged_is_read_or_refused(
    files: dict[str, bytes], tmp_path: Path
) -> None:
    rng, path = random.Random(0), tmp_path / "damaged.nii"
    for _ in range(400):
        damaged = bytearray(files["mask.nii"])
        for offset in rng.choices(range(352), k=rng.choice((1, 2, 4))):
            damaged[offset] = rng.randrange(256)
        path.write_bytes(damaged)
        read_or_refuse(path)


def test_nrrd_with_any_field_of_its_header_damaged_is_read_or_refused(files: dict[str, bytes], tmp_path: Path) -> None:
    head, _, voxels = files["mask.nrrd"].partition(b"\n\n")
    rng = random.Random(0)
    for number, (field, value) in enumerate((field, value) for field in NRRD_FIELDS for value in NRRD_VALUES):
        lines = [line for line in head.split(b"\n") if not line.startswith(field)]
        lines.insert(rng.randrange(1, len(lines) + 1), field + value)
        path = tmp_path / ("damaged.seg.nrrd" if number % 2 else "damaged.nrrd")
        path.write_bytes(b"\n".join(lines) + b"\n\n" + voxels)
        read_or_refuse(path)


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (108, INF, "begin at byte inf"),
        (108, NAN, "begin at byte nan"),
        (108, -352.0, "vox offset -352"),
        (108, 1e9, "begin at byte 1e\\+09"),
        (116, NAN, "shifted by nan"),
        (116, INF, "shifted by inf"),
        (280, NAN, "no usable geometry"),
        (280, INF, "no usable geometry"),
    ],
)
def test_impossible_number_in_a_nifti_header_is_named(
    files: dict[str, bytes], offset: int, value: float, message: str, tmp_path: Path
) -> None:
    damaged = bytearray(files["mask.nii"])
    struct.pack_into("<2f", damaged, 112, 1.0, 0.0)
    struct.pack_into("<f", damaged, offset, value)
    path = tmp_path / "damaged.nii.gz"
    path.write_bytes(gzip.compress(bytes(damaged)))
    with pytest.raises(InputError, match=f"damaged.nii.gz .*{message}"):
        read_volume(path)
