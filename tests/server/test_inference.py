from __future__ import annotations

import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import requests

from gliomics.active.strategies import MODEL_BASED, MODEL_FREE
from gliomics.client import ClientError
from gliomics.evaluation import dice
from gliomics.models import ModelStore
from gliomics.reading.record import Reading
from gliomics.records import SubtypeEstimate
from gliomics.study import Mask, read_mask, read_volume, write_mask
from gliomics.subtype.who import WHO
from gliomics.tumour_network.predict import TumourNetworkModel
from tests.server.servers import Server
from tests.server.studies import a_lesion_case


def as_mask(content: bytes | None, folder: Path, suffix: str = ".nii.gz") -> Mask:
    assert content is not None
    path = folder / f"answer{suffix}"
    path.write_bytes(content)
    return read_mask(path)


def test_info_names_models_trainers_strategies_and_counts(a_server: Server) -> None:
    info = a_server.client.info()
    assert {"segmentation_flair", "segmentation_multi", "radiomics"} <= set(info["models"])
    assert info["models"]["segmentation_flair"]["sequences"] == {"required": ["flair"], "optional": []}
    assert {"segmentation_flair", "segmentation_multi"} <= set(info["trainers"])
    assert set(info["strategies"]) == {*MODEL_FREE, *MODEL_BASED, "subtype"}
    assert info["datastore"]["total"] == 10


def test_segmentation_of_a_study_finds_its_lesion_on_its_grid(a_server: Server, tmp_path: Path) -> None:
    result = a_server.client.infer("segmentation_flair", "case-0")
    truth = a_lesion_case(0)[1]
    mask = as_mask(result.label, tmp_path)
    assert dice(mask.array, truth.array) > 0.6
    np.testing.assert_allclose(mask.affine, truth.affine)
    assert result.params["label_names"] == {"tumour": 1}
    assert result.params["model_version"] == a_server.client.info()["models"]["segmentation_flair"]["version"]


def test_slicers_plugin_gets_nrrd(a_server: Server, tmp_path: Path) -> None:
    params = {"result_extension": ".nrrd", "result_dtype": "uint8"}
    result = a_server.client.infer("segmentation_flair", "case-0", params=params)
    np.testing.assert_allclose(as_mask(result.label, tmp_path, ".nrrd").affine, a_lesion_case(0)[1].affine)


def test_probability_and_uncertainty_maps_belong_to_the_mask(a_server: Server, tmp_path: Path) -> None:
    maps = {}
    for name in ("mask", "probability", "uncertainty"):
        answer = a_server.client.infer("segmentation_flair", "case-0", params={"result": name})
        path = tmp_path / f"{name}.nii.gz"
        path.write_bytes(answer.label or b"")
        maps[name] = read_volume(path)
        assert answer.params["result"] == name
    p, bits = maps["probability"].array, maps["uncertainty"].array
    assert p[maps["mask"].array > 0].min() >= 0.5 > p[maps["mask"].array == 0].mean()
    np.testing.assert_allclose(bits, binary_entropy(p), atol=1e-4)
    np.testing.assert_allclose(maps["probability"].affine, a_lesion_case(0)[1].affine)


def binary_entropy(p: np.ndarray) -> np.ndarray:
    p = np.clip(p.astype(float), 1e-6, 1 - 1e-6)
    return np.asarray(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


def test_several_uploaded_sequences_are_one_case(a_server: Server, a_studies_folder: Path) -> None:
    files = {name: a_studies_folder / "case-1" / f"{name}.nii.gz" for name in ("flair", "t1")}
    result = a_server.client.infer("segmentation_multi", files=files, params={"study_id": "from-slicer"})
    assert result.params["sequences_used"] == ["flair", "t1"]
    assert result.params["study_id"] == "from-slicer"


def test_uploaded_image_without_a_sequence_name_is_segmented_with_a_warning(
    a_server: Server, a_studies_folder: Path
) -> None:
    result = a_server.client.infer("segmentation_flair", files={"image": a_studies_folder / "single.nii.gz"})
    assert any("does not tell its sequence" in warning for warning in result.params["warnings"])


def test_session_serves_several_requests_and_is_then_forgotten(
    a_server: Server, a_studies_folder: Path, a_label: Path
) -> None:
    with a_server.client.session({"flair": a_studies_folder / "case-0" / "flair.nii.gz"}) as session_id:
        mask = a_server.client.infer("segmentation_flair", session_id=session_id)
        table = a_server.client.features(session_id=session_id, label=a_label)
    assert mask.label is not None
    assert any(name.startswith("flair_original_firstorder") for name in table.values)
    assert requests.get(f"{a_server.url}/session/{session_id}", timeout=30).status_code == 404
    assert not list((a_studies_folder / ".gliomics" / "sessions").iterdir())


def test_features_are_those_of_the_uploaded_segment(a_server: Server, a_label: Path) -> None:
    table = a_server.client.features("case-0", label=a_label, region="whole lesion")
    truth = a_lesion_case(0)[1]
    assert table.study_id == "case-0"
    assert table.region == "whole lesion"
    assert table.diagnostics["voxels"] == int(truth.array.sum())
    assert {name.split("_")[0] for name in table.values} >= {"flair", "t1", "original"}


def test_part_of_an_uploaded_label_is_chosen_by_its_name_and_the_numbering(a_server: Server, a_label: Path) -> None:
    mask = read_mask(a_label)
    numbers = np.cumsum(mask.array.reshape(-1)).reshape(mask.shape)
    write_mask(mask.with_array(np.where(mask.array > 0, 1 + numbers * 3 // (numbers.max() + 1), 0)), a_label)
    values = read_mask(a_label).array
    with pytest.raises(ClientError, match=r"region 'tumour-core' .*case-0' is ambiguous: the mask holds label 1, 2, 3"):
        a_server.client.features("case-0", label=a_label, region="tumour-core")
    for numbering, core in (("brats-2023", [1, 3]), ("msd", [2, 3])):
        table = a_server.client.features("case-0", label=a_label, region="tumour-core", params={"numbering": numbering})
        assert table.diagnostics["voxels"] == np.isin(values, core).sum()
        assert (table.diagnostics["numbering"], table.diagnostics["numbering_source"]) == (numbering, "told")
    whole = a_server.client.features("case-0", label=a_label)
    assert whole.diagnostics["voxels"] == (values > 0).sum()


def test_region_of_an_unknown_name_is_refused_for_a_label_of_several_parts(a_server: Server, a_label: Path) -> None:
    mask = read_mask(a_label)
    numbers = np.cumsum(mask.array.reshape(-1)).reshape(mask.shape)
    write_mask(mask.with_array(np.where(mask.array > 0, 2 ** (numbers * 3 // (numbers.max() + 1)), 0)), a_label)
    with pytest.raises(ClientError, match="region 'tumor core' is unknown, and the current segment has several parts"):
        a_server.client.features("case-0", label=a_label, region="tumor core")


def test_region_that_no_numbering_gives_the_value_of_a_label_is_refused(a_server: Server, a_label: Path) -> None:
    mask = read_mask(a_label)
    write_mask(mask.with_array(4 * (mask.array > 0)), a_label)
    with pytest.raises(ClientError, match=r"region 'oedema' is empty in the label of study 'case-0': .*holds label 4"):
        a_server.client.features("case-0", label=a_label, region="oedema")
    table = a_server.client.features("case-0", label=a_label)
    assert any(warning.startswith("label 4 was counted as tumour") for warning in table.warnings)


def test_subtype_is_estimated_from_the_uploaded_segment(a_server: Server, a_label: Path) -> None:
    (estimate,) = a_server.client.subtype("case-0", label=a_label, models=["subtype_size"])
    assert estimate.study_id == "case-0"
    assert set(estimate.probabilities) == {"small", "large"}
    assert sum(estimate.probabilities.values()) == pytest.approx(1)
    assert estimate.population == "invented patients"
    assert estimate.margin is not None
    assert estimate.margin[0] <= estimate.probabilities[estimate.predicted] <= estimate.margin[1]
    (alone,) = a_server.client.subtype("case-0", label=a_label, models=["subtype_size"], params={"margin": False})
    assert alone == replace(estimate, margin=None)
    with pytest.raises(ClientError, match="margin is 'no'; expected true or false"):
        a_server.client.subtype("case-0", label=a_label, params={"margin": "no"})
    offered = a_server.client.info()["models"]["subtype"]["subtype_models"]["subtype_size"]
    assert offered["class_titles"] == {"small": "small", "large": "large"}
    assert sum(offered["training_shares"].values()) == pytest.approx(1)
    assert (offered["training_shares"].keys(), offered["uses_age"]) == (set(offered["classes"]), False)


def test_prevalence_and_age_count_where_a_request_tells_them(a_server: Server, a_label: Path) -> None:
    def estimate(**params: object) -> SubtypeEstimate:
        (answer,) = a_server.client.subtype("case-0", label=a_label, models=["subtype_size"], params=params)
        return answer

    plain, shifted = estimate(), estimate(prevalence={"small": 0.9}, age=50)
    odds = [item.probabilities["small"] / item.probabilities["large"] for item in (plain, shifted)]
    assert odds[1] / odds[0] == pytest.approx(9, rel=1e-4)
    assert shifted.prevalence == {"large": pytest.approx(0.1), "small": 0.9}
    assert shifted.covariates == {}, "the model does not know the age"


def test_subtype_model_that_cannot_answer_does_not_stop_the_others(
    a_server: Server, a_studies_folder: Path, a_label: Path
) -> None:
    files = {"t1": a_studies_folder / "case-0" / "t1.nii.gz"}
    with pytest.raises(ClientError, match="flair"):
        a_server.client.subtype(files=files, label=a_label, models=["subtype_size"])
    result = a_server.client.infer("subtype", "case-0", label=a_label)
    answered = {estimate["model"] for estimate in result.params["estimates"]}
    assert "subtype_size" in answered
    assert answered - {WHO} | set(result.params["not_estimated"]) == set(
        a_server.client.info()["models"]["subtype"]["subtype_models"]
    )


def test_what_is_read_of_a_segment_is_one_record_beside_features_and_estimates(a_server: Server, a_label: Path) -> None:
    answer = a_server.client.infer("subtype", "case-0", label=a_label, params={"region": "my lesion"}).params
    reading = Reading.from_json(answer["reading"])
    assert (reading.study_id, reading.region, reading.title) == ("case-0", "my lesion", "my lesion")
    truth = a_lesion_case(0)[1]
    volume = next(fact for fact in reading.headline if fact.name == "Volume")
    assert volume.value == pytest.approx(truth.array.sum() * np.prod(truth.spacing) / 1000)
    assert volume.text == f"{volume.value:.3g} cm³" or volume.text == f"{volume.value:.1f} cm³"
    by_model = {estimate.model: estimate for estimate in reading.estimates}
    assert set(by_model) == {estimate["model"] for estimate in answer["estimates"]}
    for estimate in answer["estimates"]:
        bars = {bar.name: bar.probability for bar in by_model[estimate["model"]].bars}
        assert bars == estimate["probabilities"]
    for model, reason in answer["not_estimated"].items():
        assert any(model in caution and reason in caution for caution in reading.cautions)
    assert a_server.client.read("case-0", label=a_label, region="my lesion") == reading
    radiomics = a_server.client.infer("radiomics", "case-0", label=a_label, params={"region": "my lesion"}).params
    alone = Reading.from_json(radiomics["reading"])
    assert alone.headline == reading.headline and alone.estimates == []


def test_every_region_of_a_label_is_read_in_one_request(a_server: Server, a_label: Path) -> None:
    mask = read_mask(a_label)
    numbers = np.cumsum(mask.array.reshape(-1)).reshape(mask.shape)
    write_mask(mask.with_array(np.where(mask.array > 0, 1 + numbers * 3 // (numbers.max() + 1), 0)), a_label)
    params = {"numbering": "brats-2023"}
    readings = a_server.client.read_regions("case-0", label=a_label, params=params)
    assert list(readings) == ["whole", "tumour-core", "enhancing", "oedema", "peritumoral"]
    for region, values in (("whole", [1, 2, 3]), ("tumour-core", [1, 3]), ("enhancing", [3]), ("oedema", [2])):
        reading = readings[region]
        assert isinstance(reading, Reading), reading
        volume = np.isin(read_mask(a_label).array, values).sum() * np.prod(mask.spacing) / 1000
        assert reading.headline[0].value == pytest.approx(volume)
        alone = a_server.client.read("case-0", label=a_label, region=region, params=params)
        assert alone == reading
    params["vasari"] = True
    answer = a_server.client.infer("subtype", "case-0", label=a_label, params={**params, "regions": "all"}).params
    whole, *parts = answer["regions"]
    assert all(part["reading"]["vasari"] is None for part in parts)
    assert {fact["name"].split()[0] for fact in whole["reading"]["vasari"]["told"]} >= {"F5", "F6", "F9", "F14"}
    assert whole["features"]["values"]["vasari_share_enhancing"] == pytest.approx(1 / 3, abs=0.01)
    alone = a_server.client.infer("radiomics", "case-0", label=a_label, params={**params, "region": "whole"}).params
    assert alone["features"] == whole["features"]
    assert {part["region"]: bool(part["estimates"]) for part in answer["regions"]} == {
        region: region == "whole" for region in readings
    }
    assert answer["reading"] == answer["regions"][0]["reading"]


def test_region_that_a_label_does_not_have_is_refused_beside_the_others(a_server: Server, a_label: Path) -> None:
    readings = a_server.client.read_regions("case-0", label=a_label)
    assert [region for region, reading in readings.items() if isinstance(reading, Reading)] == ["whole", "peritumoral"]
    assert "is ambiguous: the mask holds label 1" in str(readings["oedema"])
    with pytest.raises(ClientError, match=r"regions is 'some'; expected \"all\", or nothing and one region"):
        a_server.client.read("case-0", label=a_label, params={"regions": "some"})


def test_part_of_a_tumour_is_read_without_an_estimate(a_server: Server, a_label: Path) -> None:
    reading = a_server.client.read("case-0", label=a_label, region="enhancing")
    assert (reading.title, reading.estimates) == ("Enhancing tumour", [])
    assert any("part of" in caution for caution in reading.cautions)
    assert reading.key_features
    with pytest.raises(ClientError, match="region 'enhancing'"):
        a_server.client.subtype("case-0", label=a_label, region="enhancing")


def test_tumour_network_is_offered_and_says_what_speaks_for_its_estimate(
    a_server: Server, a_studies_folder: Path, a_label: Path, tmp_path: Path
) -> None:
    offered = a_server.client.info()["models"]["network_spots"]
    assert (offered["task"], offered["sequences"]["required"]) == ("tumour_network", ["flair"])
    assert (offered["question"], offered["population"]) == ("spot", "drawn tumours")
    network = TumourNetworkModel(ModelStore(a_studies_folder / ".gliomics" / "models").current("network_spots"))
    volumes, mask = a_lesion_case(0)
    reading = network.read({"flair": volumes["flair"]}, mask, study_id="case-0", patient_id="patient-0")
    answer = a_server.client.heat_map("network_spots", "case-0", label=a_label)
    path = tmp_path / "map.nii.gz"
    path.write_bytes(answer.content)
    heat_map = read_volume(path)
    np.testing.assert_allclose(heat_map.array, reading.heat_map.array, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(heat_map.affine, mask.affine)
    assert (heat_map.array[mask.array == 0] == 0).all() and (heat_map.array[mask.array > 0] != 0).all()
    assert answer.estimate.probabilities == pytest.approx(reading.estimate.probabilities, rel=1e-4)
    assert (answer.estimate.population, answer.estimate.notice) == ("drawn tumours", reading.estimate.notice)
    assert answer.sentences[0].startswith(f"spot by network_spots: {reading.estimate.predicted} 0.")
    files = {"image": a_studies_folder / "case-0" / "flair.nii.gz"}
    sent = a_server.client.heat_map("network_spots", files=files, label=a_label)
    assert any("does not tell its sequence" in sentence for sentence in sent.sentences)
    assert sent.estimate.probabilities == answer.estimate.probabilities


def test_tumour_network_refuses_what_it_cannot_estimate(
    a_server: Server, a_studies_folder: Path, a_label: Path, tmp_path: Path
) -> None:
    def refused(message: str, image: str | None = "case-0", label: Path = a_label, **options: object) -> None:
        before = a_server.written()
        with pytest.raises(ClientError, match=message):
            a_server.client.infer("network_spots", image, label=label, **options)  # type: ignore[arg-type]
        assert a_server.written() == before

    empty = tmp_path / "empty.nii.gz"
    write_mask(read_mask(a_label).with_array(np.zeros(a_lesion_case(0)[1].shape, np.uint8)), empty)
    refused("current segment of study 'case-0' is empty: no voxel is labelled", label=empty)
    refused("is 'oedema', a part of a tumour; model 'network_spots' was fitted on whole", params={"region": "oedema"})
    refused("answers with a heat map, which is no label", params={"save_label": True})
    files = {"t1": a_studies_folder / "case-0" / "t1.nii.gz"}
    refused("'network_spots' needs the sequence flair; the study has t1", None, files=files)
    with pytest.raises(ClientError, match="current segment of study 'case-0' is missing; send it as the file 'label'"):
        a_server.client.infer("network_spots", "case-0")
    with pytest.raises(ClientError, match="'segmentation_flair' answered without a heat map"):
        a_server.client.heat_map("segmentation_flair", "case-0", label=a_label)


def test_label_and_image_in_params_cannot_replace_the_request(a_server: Server, a_label: Path) -> None:
    params = {"label": "/etc/hostname", "image": "case-1", "model": "slow", "study": "case-2"}
    table = a_server.client.features("case-0", label=a_label, params=params)
    assert table.study_id == "case-0"


def test_nothing_uploaded_stays_on_disk_after_the_answer(a_server: Server, a_label: Path) -> None:
    a_server.client.infer("segmentation_flair", "case-0")  # what the model draws of a study of its own is kept
    before = {name: content for name, content in a_server.written().items() if "/tmp/" not in name}
    a_server.client.features("case-0", label=a_label)
    a_server.client.infer("segmentation_flair", "case-0")
    end = time.monotonic() + 5  # the server removes its answer once it is sent, which is after we have it
    while a_server.written() != before and time.monotonic() < end:
        time.sleep(0.05)
    assert a_server.written() == before


@pytest.mark.alone
def test_info_and_a_second_inference_are_answered_during_an_inference(a_server: Server) -> None:
    a_server.client.infer("segmentation_flair", "case-0")
    finished = threading.Event()

    def infer_slowly() -> None:
        a_server.client.infer("slow", "case-0")
        finished.set()

    thread = threading.Thread(target=infer_slowly)
    thread.start()
    time.sleep(0.3)
    waits = []
    for _ in range(3):
        started = time.monotonic()
        a_server.client.info()
        waits.append(time.monotonic() - started)
    a_server.client.infer("segmentation_flair", "case-1")
    side_by_side = not finished.is_set()
    thread.join()
    assert side_by_side, "the slow inference ended first; it shows nothing"
    assert max(waits) < 1


def test_batch_inference_saves_masks_without_a_gpu(a_server: Server) -> None:
    answer = requests.post(
        f"{a_server.url}/batch/infer/segmentation_flair",
        params={"images": "unlabeled", "run_sync": True},
        json={"device": "cuda", "multi_gpu": True, "label_tag": "batch", "max_batch_size": 2},
        timeout=120,
    )
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"case-0", "case-1"}
    assert a_server.client.label_history("case-0", "batch")[0]["info"]["model"] == "segmentation_flair"
