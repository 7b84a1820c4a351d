"""Networks that tell the parts of a tumour apart, on a head with a ring that enhances around a core."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from monailabel.config import settings

from gliomics.active.scores import score_study
from gliomics.cohort.feature_table import read_features_csv
from gliomics.errors import InputError
from gliomics.evaluation import dice as dice_of
from gliomics.features.regions import select_region
from gliomics.models import ModelStore
from gliomics.segmentation.labelled import prepare_labelled
from gliomics.segmentation.networks import EfficientNetUNetSettings, build_network
from gliomics.segmentation.postprocess import PART_VALUES, to_parts
from gliomics.segmentation.segmenter import Segmentation, Segmenter
from gliomics.segmentation.settings import (
    PostprocessSettings,
    RegionRule,
    SegmentationSettings,
)
from gliomics.segmentation.weights import WEIGHTS, save_weights
from gliomics.server.app import GliomicsApp
from gliomics.server.workspace import Workspace
from gliomics.study import read_label_names, read_mask, write_study_json
from gliomics.study.numbering import (
    CORE,
    ENHANCING,
    OEDEMA,
    labels_of_mask,
    numbering_of_mask,
)
from gliomics.training.calibration import ScoredCase, choose_rules
from gliomics.training.loop import NetworkTraining, train
from gliomics.training.scores import region_dice
from tests.unit.features.command import gliomics
from tests.unit.ring_tumours import (
    ENOUGH,
    INNER,
    NEEDS,
    PARTS,
    a_case,
    a_labelled_ring,
    a_parts_card,
    a_parts_segmenter,
    a_ring,
)
from tests.unit.tiny_networks import a_card

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return a_parts_segmenter()


def part_shares(result: Segmentation) -> dict[int, int]:
    values, counts = np.unique(result.mask.array, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def test_parts_of_another_tumour_are_found(segmenter: Segmenter) -> None:
    result, case = segmenter.segment(a_ring(7)[0]), a_case(7)
    dice = region_dice(segmenter.mask_of(case.inputs), case)
    assert list(dice) == list(PARTS.regions)
    assert dice["whole"] > 0.85
    assert dice["tumour-core"] > 0.7
    assert dice["enhancing"] > 0.6
    assert result.labels == {CORE: 1, OEDEMA: 2, ENHANCING: 3}


def test_each_region_has_the_rules_that_suit_it(segmenter: Segmenter) -> None:
    """The calibration undoes what is added to the logits of a region."""
    shift = np.array([0.0, 3.0, -3.0])[:, None, None, None]
    cases = [a_case(seed) for seed in (4, 5)]
    scored = [ScoredCase.of(case, segmenter.region_logits(case.inputs) + shift) for case in cases]
    rules = choose_rules(scored)
    assert [item.region for item in rules.inner] == list(PARTS.regions[1:])
    assert rules.inner[0].calibration.intercept < -1
    assert rules.inner[1].calibration.intercept > 1
    assert all(item.rule(whole_shown=False) is item for item in rules.inner)


def test_studies_that_do_not_show_the_whole_have_their_own_rules(segmenter: Segmenter) -> None:
    """A network that is too careful without the other sequences is not so in the mask."""
    cases = [a_case(seed) for seed in range(10, 13)]
    shift = np.float32([0, -3, -3])[:, None, None, None]
    alone = [
        ScoredCase.of(case, segmenter.region_logits(case.inputs) + shift)
        for case in (case.with_sequences(1) for case in cases)
    ]
    rules = choose_rules([ScoredCase.of(case, segmenter.region_logits(case.inputs)) for case in cases], alone)
    for item in rules.inner:
        with_whole, without = (item.rule(whole_shown=shown).calibration.intercept for shown in (True, False))
        assert without > with_whole + 1
    settings = PARTS.model_copy(update=rules._asdict())
    parts = to_parts(np.full((3, 2, 2, 2), settings.inner[1].threshold + 0.01), settings, whole_shown=True)
    np.testing.assert_array_equal(parts, PART_VALUES[ENHANCING])
    low = settings.rules(whole_shown=False)[2].threshold
    np.testing.assert_array_equal(to_parts(np.full((3, 2, 2, 2), low + 0.01), settings, whole_shown=False) > 0, True)


def test_probabilities_of_the_parts_add_up_to_the_tumours(segmenter: Segmenter) -> None:
    result = segmenter.segment(a_ring(8)[0])
    assert set(result.parts) == {CORE, OEDEMA, ENHANCING}
    total = sum(part.array for part in result.parts.values())
    np.testing.assert_allclose(total, result.probability.array, atol=1e-6)
    assert min(part.array.min() for part in result.parts.values()) >= 0


def test_contrast_enhanced_t1_alone_gives_core_and_enhancing_tumour(segmenter: Segmenter) -> None:
    volumes, mask = a_ring(9)
    result = segmenter.segment({"t1c": volumes["t1c"]})
    assert any("the whole are unknown" in warning for warning in result.warnings)
    assert part_shares(result).keys() <= {0, 1, 3}
    assert OEDEMA not in result.parts
    enhancing, truth = result.mask.array == 3, mask.array == 3
    assert dice_of(enhancing, truth) > 0.5
    assert result.labels == {CORE: 1, ENHANCING: 3}
    inputs = segmenter.prepare({"t1c": volumes["t1c"]}).inputs
    np.testing.assert_array_equal(segmenter.logits(inputs), segmenter.region_logits(inputs)[1])
    scores = score_study(segmenter, {"t1c": volumes["t1c"]})
    assert max(scores.slices) > 0
    assert np.isfinite([*scores.embedding, *scores.slices]).all()


def test_mask_of_contrast_enhanced_t1_alone_teaches_and_measures_no_whole(
    segmenter: Segmenter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The names of its segments carry that on disk: none says where the tumour ends."""
    item = a_labelled_ring(tmp_path / "studies", 7)
    result = segmenter.segment({"t1c": a_ring(7)[0]["t1c"]})
    label = item.label.with_name("ring-7.seg.nrrd")
    result.write_mask(label)
    item.label.unlink()
    study = replace(item.study, numbering=None)
    write_study_json(study.folder, [study])
    item = replace(item, study=study, label=label)
    (case,), skipped = prepare_labelled([item], a_parts_card())
    assert not skipped
    assert case.inner is not None
    assert not case.is_bounded
    assert not case.inner.isnan().any()
    assert list(region_dice(result.mask.array, case)) == ["tumour-core", "enhancing"]
    whole_alone = a_card("flat", NEEDS.required, NEEDS.optional)
    assert (
        "nothing says how far the tumour reaches"
        in prepare_labelled([replace(item, study=study, label=label)], whole_alone)[1]["ring-7"]
    )
    (tmp_path / "quick.yaml").write_text("featureClass:\n  firstorder: [Mean]\n")
    given = [
        "--out",
        tmp_path / "out.csv",
        "--config",
        tmp_path / "quick.yaml",
        "--masks",
        label.parent,
        "--workers",
        "1",
    ]
    regions = [option for name in ("whole", "tumour-core", "oedema", "peritumoral") for option in ("--region", name)]
    answer = gliomics(capsys, "features", study.folder, *given, *regions)
    assert answer.returncode == 0, answer.stderr
    assert [row.region for row in read_features_csv(tmp_path / "out.csv")] == ["tumour-core"]
    assert "region 'whole' of ring-7.seg.nrrd is unknown" in answer.stdout + answer.stderr


def test_regions_lie_inside_one_another() -> None:
    """Whatever the probabilities say, an enhancing voxel is core, and a core one tumour."""
    probabilities = np.random.default_rng(0).random((3, 9, 9, 4))
    labels = to_parts(
        probabilities, PARTS.model_copy(update={"postprocess": PostprocessSettings(smallest_component=0.0)})
    )
    np.testing.assert_array_equal(labels == 3, probabilities[2] > 0.5)
    np.testing.assert_array_equal((labels == 1) | (labels == 3), (probabilities[1:] > 0.5).any(axis=0))
    np.testing.assert_array_equal(labels > 0, (probabilities > 0.5).any(axis=0))


@pytest.mark.parametrize("whole_shown", [True, False])
def test_specks_of_inner_regions_stay_in_what_is_around_them(whole_shown: bool) -> None:
    """An enhancing speck apart from the core is oedema, one inside the core is core; what has some size stays."""
    probabilities = np.full((3, 40, 12, 4), 0.1)
    probabilities[0, 1:39] = probabilities[1, 2:14, 1:11] = probabilities[2, 3:7, 2:9] = 0.9
    probabilities[2, 10, 5, 1] = 0.9  # a speck in the core
    probabilities[1:, 30, 5, 1] = 0.9  # and one in oedema
    probabilities[1:, 20:23, 4:7, 1:3] = 0.9  # a second focus
    rules = {"smallest_component": 0.02}
    inner = tuple(item.model_copy(update={**rules, "without_whole": RegionRule(**rules)}) for item in PARTS.inner)
    labels = to_parts(probabilities, PARTS.model_copy(update={"inner": inner}), whole_shown=whole_shown)
    around = PART_VALUES[OEDEMA] if whole_shown else 0
    assert labels[10, 5, 1] == PART_VALUES[CORE]
    assert labels[30, 5, 1] == around
    assert (labels[20:23, 4:7, 1:3] == PART_VALUES[ENHANCING]).all()
    assert labels[37, 0, 0] == around
    assert np.count_nonzero(labels == PART_VALUES[ENHANCING]) == 4 * 7 * 4 + 18


def test_what_is_not_known_of_a_region_is_not_learned() -> None:
    """Two cases that differ in pixels that are marked unknown train to the same weights."""
    case = a_case(0)
    assert case.inner is not None
    unknown = torch.zeros_like(case.inner, dtype=torch.bool)
    unknown[0, 2:4, :16] = True
    states = []
    for value in (torch.nan, 1.0):
        inner = case.inner.clone()
        inner[unknown] = value
        short = ENOUGH.model_copy(update={"epochs": 1})
        cases = [replace(case, inner=inner), a_case(1)]
        states.append(train(NetworkTraining(cases, PARTS, short, sequences=NEEDS)))
    masked, wrong = states
    assert any(not torch.equal(masked[name], wrong[name]) for name in masked)
    assert all(value.isfinite().all() for value in masked.values())


@pytest.mark.parametrize("decoder", [(16, 16, 8, 8), (16, 16, 8, 8, 8)])
def test_decoder_to_full_size_answers_for_every_region(decoder: tuple[int, ...]) -> None:
    network = build_network(EfficientNetUNetSettings(decoder=decoder), 2, 3, 3).eval()
    with torch.no_grad():
        assert network(torch.zeros(1, 6, 64, 64)).shape == (1, 3, 64, 64)


def test_regions_of_settings_are_named_in_order() -> None:
    with pytest.raises(ValueError, match="inner must be tumour-core, then enhancing"):
        SegmentationSettings(inner=INNER[::-1])


@pytest.mark.parametrize(("numbering", "values"), [("brats-2021", (1, 2, 4)), ("brats-2023", (1, 2, 3))])
def test_labels_are_learned_by_the_numbering_that_is_told(
    tmp_path: Path, numbering: str, values: tuple[int, ...]
) -> None:
    cases, skipped = prepare_labelled([a_labelled_ring(tmp_path, values=values, numbering=numbering)], a_parts_card())
    assert not skipped
    assert cases[0].inner_lesion is not None
    truth = a_case(0).inner_lesion
    assert truth is not None
    np.testing.assert_array_equal(cases[0].inner_lesion, truth)


def test_label_that_leaves_its_parts_open_is_left_out_with_the_remedy(tmp_path: Path) -> None:
    """3 is the enhancing tumour since 2023, and the non-enhancing core until 2016."""
    cases, skipped = prepare_labelled([a_labelled_ring(tmp_path, numbering=None)], a_parts_card())
    assert not cases
    assert "ambiguous" in skipped["ring-0"]
    assert '"numbering" in study.json' in skipped["ring-0"]


def test_written_mask_says_which_part_each_value_is(segmenter: Segmenter, tmp_path: Path) -> None:
    """So that its regions can be measured without anybody telling the numbering."""
    result = segmenter.segment(a_ring(7)[0])
    path = tmp_path / f"ring{result.suffix}"
    result.write_mask(path)
    mask, names = read_mask(path), read_label_names(path)
    numbering = numbering_of_mask(labels_of_mask(mask), "the mask", segments=names)
    core = select_region(mask, "tumour-core", name="the mask", numbering=numbering)
    np.testing.assert_array_equal(core.array > 0, np.isin(result.mask.array, [1, 3]))


def test_label_of_the_whole_alone_teaches_what_lies_outside_it(tmp_path: Path) -> None:
    """Inside, which part it is is unknown; and so is the edge, which conventions draw differently."""
    item = a_labelled_ring(tmp_path, values=(1, 1, 1), numbering="whole")
    (case,), skipped = prepare_labelled([item], a_parts_card())
    divided = a_case(0)
    assert not skipped
    assert case.inner is not None
    assert case.inner_lesion is None
    outside = case.inner[0] == 0
    assert not (divided.target[outside] > 0).any()
    assert case.inner[0].isnan()[divided.target > 0.5].all()
    assert (divided.target[case.target == 1] == 1).all()
    with pytest.raises(InputError, match="the whole tumour alone"):
        NetworkTraining([case], PARTS, ENOUGH, sequences=NEEDS)
    short = ENOUGH.model_copy(update={"epochs": 1})
    weights = train(NetworkTraining([case, divided], PARTS, short, sequences=NEEDS))
    assert all(value.isfinite().all() for value in weights.values())
    rules = choose_rules([ScoredCase.of(item, np.zeros((3, *item.target.shape))) for item in (case, divided)])
    assert len(rules.inner) == 2


def test_regions_of_automatic_parts_are_measured_by_one_command(
    segmenter: Segmenter, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The masks stay, and a second run makes none anew."""
    studies = a_labelled_ring(tmp_path / "studies", 7).study.folder
    state = segmenter.network.state_dict()
    store = ModelStore(tmp_path / "models")
    store.publish(
        "parts", store.add(a_parts_card(), {WEIGHTS: partial(save_weights, state)}).card.version, "a test model"
    )
    (tmp_path / "quick.yaml").write_text("featureClass:\n  firstorder: [Mean]\n")
    given = ["--out", tmp_path / "out.csv", "--config", tmp_path / "quick.yaml", "--cache", tmp_path / "cache"]
    given += ["--model", "parts", "--models", tmp_path / "models", "--workers", "1"]
    answer = gliomics(capsys, "features", studies, *given)
    assert answer.returncode == 0, answer.stderr
    rows = {row.region: row.values for row in read_features_csv(tmp_path / "out.csv")}
    assert list(rows) == ["whole", "tumour-core", "enhancing", "oedema"]
    assert rows["enhancing"]["t1c_original_firstorder_Mean"] > rows["whole"]["t1c_original_firstorder_Mean"]
    mask = tmp_path / "out_masks" / "ring-7.seg.nrrd"
    written = mask.stat().st_mtime_ns
    assert gliomics(capsys, "features", studies, *given).returncode == 0
    assert mask.stat().st_mtime_ns == written
    refused = gliomics(capsys, "features", studies, "--masks", tmp_path, *given)
    assert "give either --masks" in refused.stderr


def test_server_segments_and_measures_in_one_request_as_the_command_does(
    segmenter: Segmenter, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("MONAI_LABEL_SESSION_PATH", "MONAI_LABEL_TRACKING_ENABLED"):
        monkeypatch.setattr(settings, name, getattr(settings, name))
    study = a_labelled_ring(tmp_path / "studies", 7).study
    root = study.folder.parent
    store = ModelStore(Workspace(root).models)
    weights = {WEIGHTS: partial(save_weights, segmenter.network.state_dict())}
    store.publish("parts", store.add(a_parts_card(), weights).card.version, "a test model")
    given = ["--out", tmp_path / "out.csv", "--cache", tmp_path / "cache", "--workers", "1"]
    answer = gliomics(capsys, "features", study.folder, "--model", "parts", "--models", Workspace(root).models, *given)
    assert answer.returncode == 0, answer.stderr
    app = GliomicsApp("unused", str(root), {})
    request = {"model": "radiomics", "image": study.id, "segmentation": "parts", "regions": "all"}
    regions = {part["region"]: part for part in app.infer(request)["params"]["regions"]}
    rows = read_features_csv(tmp_path / "out.csv")
    assert [row.region for row in rows] == ["whole", "tumour-core", "enhancing", "oedema"]
    for row in rows:
        assert regions[row.region]["features"]["values"] == row.values
        measured = regions[row.region]["features"]["diagnostics"]
        assert {name: measured[name] for name in ("mask_sha256", "config_sha256", "sequences")} == {
            name: row.diagnostics[name] for name in ("mask_sha256", "config_sha256", "sequences")
        }
    assert not list(Workspace(root).temporary.glob("*.seg.nrrd"))
    with pytest.raises(InputError, match="give one of both"):
        app.infer({**request, "label": str(Workspace(root).temporary / "x.nii.gz")})
    with pytest.raises(InputError, match="'radiomics' is no segmentation model"):
        app.infer({**request, "segmentation": "radiomics"})
