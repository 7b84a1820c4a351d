"""One study from its files to its rows: in pieces as in one go, and under a key that tells what rows depend on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy
import SimpleITK as sitk

import gliomics
from gliomics.cohort import cache_key as module
from gliomics.cohort.cache_key import cache_key, environment
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, measure_piece
from gliomics.cohort.pieces import StudyFeatures, merge, split
from gliomics.errors import GeometryError, InputError, UnknownNameError
from gliomics.features.config import parse_config
from gliomics.models import ModelStore
from gliomics.study import Mask, read_volume, write_mask, write_volume
from gliomics.study.images import to_sitk
from tests.unit.features.heads import SHAPE, ball, head, lesion, write_study

pytestmark = pytest.mark.slow

WEIGHTS = "weights.safetensors"
FILTERS = {
    "imageType": {"Original": {}, "LoG": {"sigma": [3.0]}, "Wavelet": {}},
    "featureClass": {"shape": ["MeshVolume"], "outline": ["Solidity"], "firstorder": ["Mean"], "glcm": ["Contrast"]},
    "setting": {"binWidth": 10},
    "normalisation": {"method": "zscore"},
}
MEAN: dict[str, Any] = {"featureClass": {"firstorder": ["Mean"]}}


def extraction(content: dict[str, Any], *regions: str, **options: Any) -> Extraction:
    return Extraction(parse_config(content, "mine.yaml"), regions or ("whole",), **options)


@pytest.fixture
def files(tmp_path: Path) -> StudyFiles:
    """A study with core, oedema and enhancing tumour, whose FLAIR shows only the half of the head on one side."""
    study = write_study(tmp_path, "case-1")
    mask = tmp_path / "labels" / "final" / "case-1.nii.gz"
    write_mask(lesion(0), mask)
    whole = head()
    half = whole.array.copy()
    half[:, 24:] = 0
    write_volume(whole.with_array(half), study.path("flair"))
    return StudyFiles(replace(study, spacing_known=False), mask)


def without_enhancing(files: StudyFiles) -> None:
    array = lesion(0).array.copy()
    array[array == 4] = 1
    write_mask(lesion(0).with_array(array), files.mask)


def in_pieces(files: StudyFiles, whole: Extraction, parts: int) -> StudyFeatures:
    return merge([measure_piece(files, piece) for piece in split(files, whole, parts)], whole)


@pytest.mark.parametrize(
    "whole",
    [
        pytest.param(extraction(FILTERS, "whole", "enhancing", "peritumoral", "3"), id="filters-and-regions"),
        pytest.param(extraction({**FILTERS, "slices": "largest"}, "oedema", "tumour-core"), id="largest-slice"),
        pytest.param(
            extraction({**MEAN, "slices": "each", "imageType": {"Original": {}, "Square": {}}}), id="each-slice"
        ),
        pytest.param(extraction({"featureClass": {"shape": ["MeshVolume"], "outline": []}}), id="mask-only"),
        pytest.param(extraction({**FILTERS, "sequences": ["flair"]}, boundary_shift=1), id="one-sequence"),
        pytest.param(
            extraction({"featureClass": {**MEAN["featureClass"], "outline": ["Solidity"], "glioma": []}}, "whole", "3"),
            id="compared-sequences",
        ),
        pytest.param(extraction({"featureClass": {"glioma": []}}, "whole"), id="compared-sequences-only"),
        pytest.param(extraction(MEAN, "tumour-core", deep_model="segmentation_flair"), id="deep"),
    ],
)
def test_pieces_of_a_study_make_the_row_of_the_whole(files: StudyFiles, whole: Extraction) -> None:
    assert_pieces_make(measure(files, whole), files, whole)


def test_features_that_are_undefined_are_named_together(files: StudyFiles) -> None:
    lattice = lesion(0).array.copy()
    lattice[26:36:3, 10:18:3, 2:9:3] = 3  # no voxel has a neighbour, so texture is undefined
    write_mask(lesion(0).with_array(lattice), files.mask)
    whole = extraction(FILTERS, "whole", "3")
    expected = measure(files, whole)
    assert sum("undefined" in warning for warning in expected.rows[1].warnings) == 1
    assert_pieces_make(expected, files, whole)


def assert_pieces_make(expected: StudyFeatures, files: StudyFiles, whole: Extraction) -> None:
    assert expected.rows
    for parts in (1, 2, 3, 4, 5):
        features = in_pieces(files, whole, parts)
        # As text, for there the order of the columns counts too.
        assert json.dumps([table.to_json() for table in features.rows]) == json.dumps(
            [table.to_json() for table in expected.rows]
        )
        assert list(features.missing.items()) == list(expected.missing.items())


def test_study_is_cut_by_sequences_then_by_filters(files: StudyFiles) -> None:
    whole = extraction(FILTERS)
    cut = {
        parts: [(p.config.sequences, list(p.config.image_type)) for p in split(files, whole, parts)] for parts in (2, 4)
    }
    all_three = ["Original", "LoG", "Wavelet"]
    assert cut[2] == [(["t1c"], all_three), (["flair"], all_three)]
    assert [sequences for sequences, _ in cut[4]] == [["t1c"], ["t1c"], ["flair"], ["flair"]]
    assert [kinds for _, kinds in cut[4][:2]] == [["Original", "LoG"], ["Wavelet"]]


def test_region_that_the_mask_lacks_is_told_and_the_others_are_measured(files: StudyFiles) -> None:
    without_enhancing(files)
    features = measure(files, extraction(MEAN, "enhancing", "whole", numbering="brats-2021"))
    assert [table.region for table in features.rows] == ["whole"]
    assert features.missing == {
        "enhancing": "region 'enhancing' is empty in case-1.nii.gz: the mask holds label 1, 2, the region is enhancing "
        "(numbered as brats-2021, told)"
    }


def test_segment_that_is_no_part_of_a_tumour_counts_as_none_and_the_whole_says_so(files: StudyFiles) -> None:
    mask = to_sitk(lesion(0))
    for number, (name, value) in enumerate([("Necrosis", 1), ("Ventricles", 2), ("Enhancing tumor", 4)]):
        mask.SetMetaData(f"Segment{number}_Name", name)
        mask.SetMetaData(f"Segment{number}_LabelValue", str(value))
    path = files.mask.with_name("case-1.seg.nrrd")
    sitk.WriteImage(mask, str(path))
    features = measure(replace(files, mask=path), extraction(MEAN, "enhancing", "oedema", "whole"))
    assert [table.region for table in features.rows] == ["enhancing", "whole"]
    assert "label 2 is named 'Ventricles'" in features.missing["oedema"]
    warned = [
        any("segment 'Ventricles' (2) was counted as tumour" in warning for warning in t.warnings)
        for t in features.rows
    ]
    assert warned == [False, True]


def test_study_without_any_of_the_regions_is_refused_with_the_first_reason(files: StudyFiles) -> None:
    without_enhancing(files)
    with pytest.raises(InputError, match="region 'enhancing' is empty"):
        measure(files, extraction(MEAN, "enhancing", "3"))


@pytest.mark.parametrize("parts", [1, 2])
def test_region_of_one_voxel_is_told_and_the_others_are_measured(files: StudyFiles, parts: int) -> None:
    array = (lesion(0).array > 0).astype(np.uint8)
    array[14, 24, 5] = 4
    write_mask(lesion(0).with_array(array), files.mask)
    features = in_pieces(files, extraction(MEAN, "whole", "enhancing", "tumour-core"), parts)
    assert [table.region for table in features.rows] == ["whole", "tumour-core"]
    assert list(features.missing) == ["enhancing"]
    assert "'enhancing' of 'case-1' is one voxel" in features.missing["enhancing"]


def test_region_that_one_sequence_cannot_be_measured_in_is_left_out_of_all(files: StudyFiles) -> None:
    """The FLAIR image is dark in part of the lesion, where the range of intensities leaves nothing."""
    dark = lesion().with_array((lesion().array * (np.arange(SHAPE[1]) >= 26)[:, None]).astype(np.uint8) * 3)
    labels = np.where(dark.array > 0, 3, lesion(0).array).astype(np.uint8)
    write_mask(dark.with_array(labels), files.mask)
    whole = extraction({**MEAN, "setting": {"resegmentRange": [20, 1000]}}, "3", "oedema")
    expected = measure(files, whole)
    assert ([table.region for table in expected.rows], list(expected.missing)) == (["oedema"], ["3"])
    assert in_pieces(files, whole, 2) == expected


def test_brain_masks_bound_rings_and_standardisation(files: StudyFiles, tmp_path: Path) -> None:
    content = {**MEAN, "normalisation": {"method": "zscore"}}
    bare = measure(files, extraction(content, "peritumoral")).rows[0]
    brain = ball(SHAPE, (14, 22, 5), (10, 11, 4))
    write_mask(lesion().with_array(brain.astype(np.uint8)), tmp_path / "brain.nii.gz")
    given = measure(replace(files, brain=tmp_path / "brain.nii.gz"), extraction(content, "peritumoral")).rows[0]
    values = read_volume(files.study.path("t1c")).array[brain].astype(np.float64)
    assert given.diagnostics["t1c_normalisation"] == pytest.approx([values.mean(), values.std()])
    assert given.diagnostics["voxels"] < bare.diagnostics["voxels"]
    assert [table.diagnostics["brain_mask"] for table in (bare, given)] == [False, True]
    assert "kept inside the image's foreground" in bare.warnings[0]
    assert not any("foreground" in warning for warning in given.warnings)


def test_a_brain_mask_that_misses_the_lesion_is_refused(files: StudyFiles, tmp_path: Path) -> None:
    brain = ball(SHAPE, (24, 22, 5), (12, 14, 5)) & ~ball(SHAPE, (14, 24, 5), (5, 5, 3))
    write_mask(lesion().with_array(brain.astype(np.uint8)), tmp_path / "brain.nii.gz")
    with pytest.raises(InputError, match=r"brain mask brain\.nii\.gz misses the tumour of study 'case-1'"):
        measure(replace(files, brain=tmp_path / "brain.nii.gz"), extraction(MEAN))


def test_brain_mask_on_another_grid_is_refused_by_its_name(files: StudyFiles, tmp_path: Path) -> None:
    write_mask(Mask(np.ones(SHAPE, np.uint8), np.diag([2.0, 2.0, 6.0, 1.0])), tmp_path / "brain.nii.gz")
    with pytest.raises(GeometryError, match=r"mask brain\.nii\.gz"):
        measure(replace(files, brain=tmp_path / "brain.nii.gz"), extraction(MEAN))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"regions": ("whole", "core")}, "region 'core' is unknown; give whole"),
        ({"deep_model": "segmentation_flare"}, "no model 'segmentation_flare'; models here: .*segmentation_flair"),
        ({"deep_model": "subtype_idh"}, "'subtype_idh' is a subtype model; deep features need a segmentation model"),
    ],
)
def test_what_is_wrong_for_every_study_is_told_before_any(options: dict[str, Any], message: str) -> None:
    with pytest.raises((InputError, UnknownNameError), match=message):
        replace(extraction(MEAN), **options).check()


def test_deep_features_of_single_slices_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be measured with 'slices: each'"):
        extraction({**MEAN, "slices": "each"}, deep_model="segmentation_flair")


def test_deep_features_come_last_with_the_model_that_they_are_of(files: StudyFiles) -> None:
    table = measure(files, extraction(MEAN, deep_model="segmentation_flair")).rows[0]
    names = list(table.values)
    assert names[:2] == ["t1c_original_firstorder_Mean", "flair_original_firstorder_Mean"]
    assert all(name.startswith("deep_segmentation_flair_") for name in names[2:]) and len(names) > 100
    card = ModelStore().current("segmentation_flair").card
    assert table.diagnostics["deep_segmentation_flair_version"] == card.version
    assert table.diagnostics["deep_segmentation_flair_weights_sha256"] == card.sha256[WEIGHTS]


def test_deep_features_of_an_image_that_does_not_tell_its_sequence(files: StudyFiles) -> None:
    image = replace(files.study, sequences={"image": files.study.path("flair")})
    features, named = (
        measure(replace(files, study=study), extraction(MEAN, deep_model="segmentation_flair")).rows[0].values
        for study in (image, files.study)
    )
    deep = {name: value for name, value in named.items() if name.startswith("deep_")}
    assert {name: value for name, value in features.items() if name.startswith("deep_")} == deep


def test_deep_features_are_those_of_the_version_that_serves_now(files: StudyFiles, tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    shipped = store.current("segmentation_flair")
    whole = extraction(MEAN, deep_model="segmentation_flair", models=tmp_path / "models")
    before, key = measure(files, whole).rows[0], cache_key(files, whole)
    weights = safetensors.numpy.load_file(shipped.file(WEIGHTS))
    halved = {name: value / 2 if value.dtype.kind == "f" else value for name, value in weights.items()}
    added = store.add(shipped.card, {WEIGHTS: lambda path: safetensors.numpy.save_file(halved, path)})
    store.publish("segmentation_flair", added.card.version, "to see it serve")
    after = measure(files, whole).rows[0]
    assert after.diagnostics["deep_segmentation_flair_version"] == added.card.version
    assert after.values["deep_segmentation_flair_mean_000"] != before.values["deep_segmentation_flair_mean_000"]
    assert cache_key(files, whole) != key


def _other_mask(files: StudyFiles) -> StudyFiles:
    write_mask(lesion(1), files.mask)
    return files


def _other_image(files: StudyFiles) -> StudyFiles:
    write_volume(head(seed=7), files.study.path("t1c"))
    return files


def _other_brain(files: StudyFiles) -> StudyFiles:
    return replace(files, brain=files.mask)


def _told(**values: Any) -> Callable[[StudyFiles], StudyFiles]:
    return lambda files: replace(files, study=replace(files.study, **values))


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(_other_mask, id="mask"),
        pytest.param(_other_image, id="image"),
        pytest.param(_other_brain, id="brain"),
        pytest.param(_told(id="case-2"), id="id"),
        pytest.param(_told(patient_id="P2"), id="patient"),
        pytest.param(_told(timepoint="followup"), id="timepoint"),
        pytest.param(_told(date="2026-01-01"), id="date"),
        pytest.param(_told(spacing_known=True), id="spacing"),
    ],
)
def test_key_tells_what_is_measured(files: StudyFiles, change: Callable[[StudyFiles], StudyFiles]) -> None:
    before = cache_key(files, extraction(MEAN))
    assert cache_key(change(files), extraction(MEAN)) != before


@pytest.mark.parametrize(
    "other",
    [
        extraction({**MEAN, "setting": {"binWidth": 5}}),
        extraction({**MEAN, "imageType": {"Original": {}, "Square": {}}}),
        extraction({**MEAN, "regions": {"whole": {"labels": [1]}}}),
        extraction({**MEAN, "sequences": ["flair"]}),
        extraction(MEAN, "oedema"),
        extraction(MEAN, "whole", "oedema"),
        extraction(MEAN, resample_to="flair"),
        extraction(MEAN, boundary_shift=1),
        extraction(MEAN, deep_model="segmentation_flair"),
    ],
)
def test_key_tells_how_it_is_measured(files: StudyFiles, other: Extraction) -> None:
    assert cache_key(files, other) != cache_key(files, extraction(MEAN))


def test_key_tells_the_order_of_the_columns(files: StudyFiles) -> None:
    whole = extraction({**MEAN, "imageType": {"Original": {}, "Square": {}}})
    other = extraction({**MEAN, "imageType": {"Square": {}, "Original": {}}})
    assert whole.config.digest == other.config.digest
    assert cache_key(files, whole) != cache_key(files, other)


def test_key_tells_the_image_on_whose_grid_others_are_measured(files: StudyFiles) -> None:
    whole = extraction({**MEAN, "sequences": ["flair"]}, resample_to="t1c")
    before = cache_key(files, whole)
    assert cache_key(_other_image(files), whole) != before


def test_key_tells_the_images_that_a_deep_model_sees(files: StudyFiles) -> None:
    flair = {**MEAN, "sequences": ["flair"]}
    keys = [cache_key(files, extraction(flair, deep_model=name)) for name in (None, "segmentation_multi")]
    _other_image(files)
    after = [cache_key(files, extraction(flair, deep_model=name)) for name in (None, "segmentation_multi")]
    assert (after[0] == keys[0], after[1] == keys[1]) == (True, False)


def test_key_is_that_of_the_same_study_elsewhere(files: StudyFiles, tmp_path: Path) -> None:
    shutil.copytree(files.study.folder, tmp_path / "moved" / "case-1")
    shutil.copy(files.mask, tmp_path / "moved" / "mask.nii.gz")
    sequences = {name: tmp_path / "moved" / "case-1" / path.name for name, path in files.study.sequences.items()}
    moved = StudyFiles(
        replace(files.study, folder=tmp_path / "moved" / "case-1", sequences=sequences), tmp_path / "moved/mask.nii.gz"
    )
    assert cache_key(moved, extraction(MEAN)) == cache_key(files, extraction(MEAN))


def test_key_tells_the_sources(files: StudyFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Path(gliomics.__file__).parent
    for path in module._sources(root):
        copied = tmp_path / "copy" / path.relative_to(root)
        copied.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copied)
    before = cache_key(files, extraction(MEAN))
    monkeypatch.setattr(gliomics, "__file__", str(tmp_path / "copy" / "__init__.py"))
    keys = []
    for name in ("features/mesh.py", "files.py", "models/store.py"):
        environment.cache_clear()
        keys.append(cache_key(files, extraction(MEAN)))
        with (tmp_path / "copy" / name).open("a") as file:
            file.write("# changed\n")
    environment.cache_clear()
    keys.append(cache_key(files, extraction(MEAN)))
    monkeypatch.undo()
    environment.cache_clear()
    assert keys[0] == before
    assert len(set(keys)) == 4


WATCH = """
import json, sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from pathlib import Path
from gliomics.cohort.extraction import Extraction, StudyFiles
from gliomics.cohort.measure import measure, measure_piece
from gliomics.features.config import load_config
from gliomics.study import find_study
root, mask = Path(sys.argv[1]), Path(sys.argv[2])
config = load_config("lgg-shape")
regions = ("whole", "peritumoral")
measure(StudyFiles(find_study(root, "case-1"), mask), Extraction(config, regions, deep_model="segmentation_flair"))
print(json.dumps([opened, [m.__file__ for m in sys.modules.values() if getattr(m, "__file__", None)]]))
"""


def test_all_that_measuring_loads_of_this_package_counts_for_the_key(files: StudyFiles) -> None:
    answer = subprocess.run(
        [sys.executable, "-c", WATCH, str(files.study.folder.parent), str(files.mask)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    opened, loaded = json.loads(answer.stdout)
    root = Path(gliomics.__file__).parent
    known = {str(path) for path in module._sources(root)}
    ours = {name for name in loaded if Path(name).is_relative_to(root)}
    assert ours - known == set()
    # Data: the configuration and the model, both of which the key names by their content.
    data = {
        Path(name) for name in opened if Path(name).is_relative_to(root) and Path(name).suffix not in (".py", ".pyc")
    }
    expected = {root / "features/presets/lgg-shape.yaml"}
    expected |= {root / "models/shipped/segmentation_flair" / name for name in ("model.json", WEIGHTS)}
    assert {path for path in data if path.is_file()} - expected == set()
