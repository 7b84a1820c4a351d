"""Segmentation files as 3D Slicer writes them, made here by another writer of NRRD (pynrrd)."""

from __future__ import annotations

from pathlib import Path

import nrrd
import numpy as np
import pytest

from gliomics.errors import InputError
from gliomics.study import Volume, on_grid_of, read_label_names, read_mask, write_segments

SHAPE = (12, 10, 8)


def save(path: Path, layers: list[np.ndarray], segments: list[tuple[str, int, int]], **fields: str) -> None:
    """Write layers (i, j, k) with (name, layer, value) of each segment; spacing 2 x 3 x 4 mm, axes as in LPS."""
    header = {
        "space": "left-posterior-superior",
        "space origin": [10.0, -20.0, 30.0],
        "encoding": "gzip",
        "space directions": [[2.0, 0, 0], [0, 3.0, 0], [0, 0, 4.0]],
        "kinds": ["domain"] * 3,
        "Segmentation_MasterRepresentation": "Binary labelmap",
        "Segmentation_ReferenceImageExtentOffset": "0 0 0",
        **fields,
    }
    for number, (name, layer, value) in enumerate(segments):
        header |= {f"Segment{number}_ID": f"Segment_{number + 1}", f"Segment{number}_Name": name}
        header |= {f"Segment{number}_Layer": str(layer), f"Segment{number}_LabelValue": str(value)}
    array = layers[0]
    if len(layers) > 1:
        array = np.stack(layers)
        header["kinds"] = ["list", *header["kinds"]]
        header["space directions"] = [[np.nan] * 3, *header["space directions"]]
    nrrd.write(str(path), array.astype(np.uint8), header)


def a_box(low: int, high: int, value: int = 1) -> np.ndarray:
    array = np.zeros(SHAPE, np.uint8)
    array[low:high, 2:8, 1:6] = value
    return array


def test_segments_of_one_layer_keep_their_values_and_names(tmp_path: Path) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, [a_box(1, 4, 2) + a_box(5, 9, 4)], [("oedema", 0, 2), ("enhancing", 0, 4)])
    mask = read_mask(path)
    np.testing.assert_array_equal(mask.array, a_box(1, 4, 2) + a_box(5, 9, 4))
    np.testing.assert_array_equal(mask.affine[:3, 3], [-10, 20, 30])
    assert mask.spacing == (2, 3, 4)
    assert read_label_names(path) == {2: "oedema", 4: "enhancing"}


def test_layers_with_values_of_their_own_keep_them(tmp_path: Path) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, [a_box(1, 4, 1), a_box(5, 9, 4)], [("necrosis", 0, 1), ("enhancing", 1, 4)])
    np.testing.assert_array_equal(read_mask(path).array, a_box(1, 4, 1) + a_box(5, 9, 4))
    np.testing.assert_array_equal(read_mask(path).affine[:3, 3], [-10, 20, 30])


def test_layers_of_the_same_value_are_numbered_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, [a_box(1, 4), a_box(5, 9)], [("oedema", 1, 1), ("necrosis", 0, 1)])
    np.testing.assert_array_equal(read_mask(path).array, a_box(1, 4, 2) + a_box(5, 9, 1))
    assert read_label_names(path) == {1: "oedema", 2: "necrosis"}


def test_segments_that_overlap_are_refused_with_their_names(tmp_path: Path) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, [a_box(1, 9), a_box(5, 9)], [("whole tumour", 0, 1), ("core", 1, 1)])
    with pytest.raises(InputError, match=r"'whole tumour' and 'core' share 120 voxels"):
        read_mask(path)


def test_a_file_of_an_early_version_has_a_layer_for_each_segment(tmp_path: Path) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, [a_box(1, 4), a_box(5, 9)], [], Segment0_Name="core", Segment1_Name="oedema", Segment1_ID="Segment_2")
    np.testing.assert_array_equal(read_mask(path).array, a_box(1, 4, 1) + a_box(5, 9, 2))
    assert read_label_names(path) == {1: "core", 2: "oedema"}


@pytest.mark.parametrize(
    ("layers", "segments", "fields", "reason"),
    [
        ([a_box(1, 4), a_box(5, 9, 7)], [("core", 0, 1), ("oedema", 1, 1)], {}, "120 labelled voxels that belong"),
        ([a_box(1, 4), a_box(5, 9)], [], {}, "2 values per voxel"),
        ([a_box(1, 4), a_box(5, 9)], [("core", 5, 1)], {}, "damaged: segment 'core' has layer 5"),
        ([a_box(1, 4)], [("core", 0, 1)], {"Segment0_LabelValue": "one"}, ""),
        ([a_box(1, 4)], [("core", 0, 1)], {"Segmentation_MasterRepresentation": "Fractional labelmap"}, "fractional"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_label_map_is_refused_with_the_reason(
    tmp_path: Path, layers: list[np.ndarray], segments: list[tuple[str, int, int]], fields: dict[str, str], reason: str
) -> None:
    path = tmp_path / "case1.seg.nrrd"
    save(path, layers, segments, **fields)
    if not reason:
        path.write_bytes(path.read_bytes().replace(b"LabelValue:=1", b"LabelValue:=x"))
        reason = "layer or value that is no number"
    with pytest.raises(InputError, match=reason):
        read_mask(path)


def test_a_segmentation_cropped_to_its_segments_comes_to_the_grid_of_its_image(tmp_path: Path) -> None:
    whole = a_box(3, 6, 1) + a_box(6, 9, 2)
    path = tmp_path / "case1.seg.nrrd"
    save(
        path, [whole[3:9, 2:8, 1:6]], [("core", 0, 1), ("oedema", 0, 2)],
        Segmentation_ReferenceImageExtentOffset="3 2 1",
        **{"space origin": [10.0 + 3 * 2, -20.0 + 2 * 3, 30.0 + 1 * 4]},  # type: ignore[arg-type]
    )  # fmt: skip
    affine = np.array([[-2.0, 0, 0, -10], [0, -3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]])
    image = Volume(np.zeros(SHAPE, np.int16), affine)
    np.testing.assert_array_equal(on_grid_of(read_mask(path), image, "the mask").array, whole)


def test_other_files_have_no_names(tmp_path: Path) -> None:
    nrrd.write(str(tmp_path / "m.nrrd"), a_box(1, 4), {"space": "left-posterior-superior", "space origin": [0, 0, 0],
        "space directions": np.eye(3).tolist(), "kinds": ["domain"] * 3})  # fmt: skip
    assert read_label_names(tmp_path / "m.nrrd") == {}
    assert read_label_names(tmp_path / "m.nii.gz") == {}


def test_mask_with_names_is_written_as_segments(tmp_path: Path) -> None:
    """Read by ours and by another reader of NRRD."""
    array = np.zeros(SHAPE, np.uint8)
    array[2:5, 3:6, 1:4], array[6:9, 3:6, 1:4] = 1, 3
    mask = Volume(array, np.array([[-2.0, 0, 0, -10], [0, -3.0, 0, 20], [0, 0, 4.0, 30], [0, 0, 0, 1]]))
    path = tmp_path / "parts.seg.nrrd"
    write_segments(mask, {"core": 1, "enhancing": 3}, path)
    assert read_label_names(path) == {1: "core", 3: "enhancing"}
    np.testing.assert_array_equal(read_mask(path).array, array)
    np.testing.assert_allclose(read_mask(path).affine, mask.affine)
    stored, header = nrrd.read(str(path))
    np.testing.assert_array_equal(stored, array)
    assert (header["Segment1_Name"], header["Segment1_LabelValue"], header["Segment1_Layer"]) == ("enhancing", "3", "0")
    assert header["Segment1_Color"] == "0.941176 0.894118 0.258824"
    assert "NCIt^C113842^Enhancing Lesion~" in header["Segment1_Tags"]


def test_names_need_a_file_that_can_hold_them(tmp_path: Path) -> None:
    mask = Volume(np.ones(SHAPE, np.uint8), np.eye(4))
    with pytest.raises(InputError, match=r"name the file \.seg\.nrrd"):
        write_segments(mask, {"core": 1}, tmp_path / "parts.nii.gz")
    assert not list(tmp_path.iterdir())
