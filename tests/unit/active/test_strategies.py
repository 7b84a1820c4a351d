from __future__ import annotations

import subprocess
import sys

import pytest

from gliomics.active.strategies import COMPARABLE, DEFAULT, MODEL_BASED, MODEL_FREE

pytestmark = pytest.mark.slow

TEXTS = "from gliomics.active.strategies import COMPARABLE\nfor s in COMPARABLE.values(): print(f'{s.name}: {s.text}')"


def test_every_strategy_tells_annotators_what_it_chooses_without_docstrings_too() -> None:
    command = [sys.executable, "-OO", "-c", TEXTS]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == len(COMPARABLE) == 8
    assert lines[0] == "random: A study without a final label, drawn at random"
    assert lines == [f"{name}: {strategy.text}" for name, strategy in COMPARABLE.items()]
    assert all(strategy.text[0].isupper() and strategy.text[-1] != "." for strategy in COMPARABLE.values())


def test_strategies_are_offered_by_whether_they_ask_a_model() -> None:
    assert not any(strategy.needs_model for strategy in MODEL_FREE.values())
    assert all(strategy.needs_model for strategy in MODEL_BASED.values())
    assert set(COMPARABLE) - {*MODEL_FREE, *MODEL_BASED} == {"random_foreground"}
    assert DEFAULT in MODEL_BASED
