from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gliomics.errors import InputError
from gliomics.server.gate.values import DEEPEST, LARGEST, LONGEST_NAME, LONGEST_TEXT, checked, parse_object

KEYS = st.text(st.characters(), max_size=8)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)
"""Whatever Python's JSON reader can make of a client's text, infinite numbers and half surrogates included."""


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@settings(max_examples=100, deadline=None)
@given(value=st.dictionaries(KEYS, ANY_JSON, max_size=5))
def test_what_is_accepted_can_be_written_encoded_and_read_back(value: dict[str, Any]) -> None:
    try:
        accepted = checked(value, "params")
    except InputError as refusal:
        str(refusal).encode()
        return
    text = json.dumps(accepted, ensure_ascii=False, allow_nan=False)
    assert json.loads(text.encode()) == value


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{"x": 1e999}', "x in params is inf; expected a finite number"),
        ('{"x": [{"y": -1e999}]}', "expected a finite number"),
        ('{"x": NaN}', "expected a finite number"),
        ('{"x": ' + "9" * 40 + "}", "bits; expected at most 63"),
        ('{"x": ' + "9" * 9_999 + "}", "not valid JSON"),
        ('{"note": "\\ud800"}', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "a key of params is '.udfff', half of a surrogate pair"),
        ('{"note": "a\\u0000b"}', "control character"),
        ('{"note": "\\u009b2J"}', "control character"),
        ("[" * 100_000, "not valid JSON"),
        ('{"x": ' + "[" * 40 + "]" * 40 + "}", "nested deeper"),
        ("[1]", "expected a JSON object"),
        ('{"x": "' + "y" * (LONGEST_TEXT + 1) + '"}', f"expected at most {LONGEST_TEXT}"),
        (json.dumps({"x": list(range(40_000))}), "characters as JSON"),
        (json.dumps({str(key): 1 for key in range(20_000)}), "characters as JSON"),
    ],
)
def test_value_that_cannot_be_kept_is_refused_and_named(text: str, reason: str) -> None:
    with pytest.raises(InputError, match="params") as refusal:
        parse_object(text, "params")
    assert reason.replace(".udfff", "\\udfff") in str(refusal.value)
    assert len(str(refusal.value)) < 400


@pytest.mark.parametrize(
    "value",
    [
        {"user": 5},
        {"user": "\n"},
        {"client_id": "x" * (LONGEST_NAME + 1)},
        {"client_id": ["a"]},
        {"seconds": "60"},
        {"seconds": -1},
        {"seconds": True},
        {"budget_seconds": [1]},
        {"slices_done": 5},
        {"slices_done": [1.5]},
        {"slices_done": [-1]},
        {"segments": [1]},
        {"segments": {"tumour": "1"}},
        {"segments": {"tumour": 0}},
        {"label_tag": {}},
        {"save_label": "yes"},
        {"allow_empty": 1},
        {"models": "subtype_idh"},
        {"models": [5]},
        {"of": [None]},
        {"max_epochs": 1.5},
        {"max_epochs": True},
        {"seed": "1"},
        {"gpus": 0},
        {"comment": 5},
        {"region": "a\nb"},
    ],
)
def test_known_key_with_a_value_of_another_kind_is_refused_with_the_kind_expected(value: dict[str, Any]) -> None:
    (key,) = value
    with pytest.raises(InputError, match=f"{key} in params is .*; expected"):
        checked(value, "params")


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"user": "Müller, Zoë 图像"},
        {"client_id": None, "segments": None},
        {"comment": "first line\n\tsecond line"},
        {"seconds": 0.5, "budget_seconds": 0},
        {"slices_done": [0, 17], "segments": {"tumour core": 1}},
        {"label_info": [{"name": "tumour", "idx": 1, "color": [1.0, 0.5, 0.0]}]},
        {"largest": LARGEST, "smallest": -LARGEST, "time": 1_764_372_000_000_000_000},
        {"nested": nested(DEEPEST - 2)},
        {"emoji": "\U0001f600"},
    ],
)
def test_what_clients_send_in_good_faith_is_kept_as_it_is(value: dict[str, Any]) -> None:
    assert parse_object(json.dumps(value), "params") == value
