"""The session on a model of one's own at its full length: four trainings, a better version, and the old one again."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.test_own_model import ROOT, follow, unsaid

pytestmark = pytest.mark.timeout(7200)

TOLERANCE = 0.03
"""Of what a training ends at: threads add up in another order on another machine."""


def test_session_goes_as_its_page_says(tmp_path: Path) -> None:
    (tmp_path / "sample_studies").symlink_to(ROOT / "sample_studies")
    followed = follow(tmp_path)
    assert [(line, printed) for line, status, printed in followed.ended if status] == []
    assert len(followed.shown) == 6
    for shown, printed in followed.shown:
        assert unsaid(shown, printed, TOLERANCE) == [], printed
