"""A model folder that is not what was written, or that is of another kind."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from gliomics.errors import InputError
from gliomics.files import sha256_of
from gliomics.models import load_model_folder
from gliomics.subtype.persist import ARRAYS, OUT_OF_FOLD
from gliomics.subtype.predict import SubtypeModel
from tests.unit.subtype.folders import with_card

pytestmark = pytest.mark.slow


def with_arrays(folder: Path, **changed: np.ndarray | None) -> Path:
    """Replace arrays (None takes one away) and keep the card's hash right."""
    arrays = load_file(folder / ARRAYS) | changed
    save_file({name: array for name, array in arrays.items() if array is not None}, folder / ARRAYS)
    return with_card(folder, sha256={name: sha256_of(folder / name) for name in (ARRAYS, OUT_OF_FOLD)})


def test_exchanged_classes_are_refused(a_copy: Path) -> None:
    card = a_copy / "model.json"
    content = json.loads(card.read_text())
    content["classes"] = list(reversed(content["classes"]))
    card.write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"model\.json was changed after it was written"):
        load_model_folder(a_copy)


def test_tampered_arrays_are_refused(a_copy: Path) -> None:
    content = bytearray((a_copy / ARRAYS).read_bytes())
    content[-1] ^= 1
    (a_copy / ARRAYS).write_bytes(content)
    with pytest.raises(InputError, match=r"ensemble.safetensors is damaged: its SHA-256 differs"):
        load_model_folder(a_copy)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"variant_0_ensemble_mean": np.zeros(4)}, r"'variant_0_ensemble_mean' has shape \(4,\); the card asks for 24"),
        ({"variant_0_ensemble_intercepts": None}, r"array 'variant_0_ensemble_intercepts' has shape None"),
        ({"variant_1_ensemble_coefficients": np.zeros((0, 3, 16))}, "'variant_1_ensemble_coefficients' has shape"),
        ({"variant_0_ensemble_median": np.full(24, np.nan)}, "array 'variant_0_ensemble_median' holds NaN"),
    ],
)
def test_arrays_that_do_not_make_the_card_s_model_are_refused(
    a_copy: Path, changed: dict[str, np.ndarray | None], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        SubtypeModel(load_model_folder(with_arrays(a_copy, **changed)))


def test_file_that_is_no_safetensors_is_refused(a_copy: Path) -> None:
    (a_copy / ARRAYS).write_bytes(b"\x80\x04cos\nsystem\n")
    with_card(a_copy, sha256={name: sha256_of(a_copy / name) for name in (ARRAYS, OUT_OF_FOLD)})
    with pytest.raises(InputError, match="is not a safetensors file"):
        SubtypeModel(load_model_folder(a_copy))


def test_segmentation_model_is_refused(a_copy: Path) -> None:
    with pytest.raises(InputError, match="is for segmentation, not for subtypes"):
        SubtypeModel(load_model_folder(with_card(a_copy, task="segmentation")))
