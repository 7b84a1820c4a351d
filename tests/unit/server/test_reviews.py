from __future__ import annotations

from pathlib import Path

import pytest

from gliomics.errors import InputError
from gliomics.server.store.reviews import APPROVED, RETURNED, ReviewStore


@pytest.fixture
def a_store(tmp_path: Path) -> ReviewStore:
    return ReviewStore(tmp_path / "reviews")


def test_last_review_decides_whether_a_label_is_returned(a_store: ReviewStore) -> None:
    a_store.add("case", "final", 1, state=RETURNED, comment="the oedema is missing", user="Rita")
    a_store.add("other", "final", 1, state=RETURNED, comment="too large")
    a_store.add("other", "final", 1, state=APPROVED)
    (returned,) = a_store.returned("final").items()
    assert (returned[0], returned[1].comment, returned[1].user) == ("case", "the oedema is missing", "Rita")
    assert [review.state for review in a_store.reviews("other", "final")] == ["returned", "approved"]
    assert a_store.returned("original") == {}


def test_new_version_of_a_returned_label_is_submitted_again(a_store: ReviewStore) -> None:
    a_store.add("case", "final", 1, state=RETURNED, comment="too small", user="Rita")
    assert set(a_store.returned("final")) == {"case"}
    a_store.resubmitted("case", "final", 2, "Anna")
    assert a_store.returned("final") == {}
    last = a_store.reviews("case", "final")[-1]
    assert (last.state, last.version, last.user) == ("submitted", 2, "Anna")


def test_new_version_that_was_reviewed_already_stays_so(a_store: ReviewStore) -> None:
    a_store.add("case", "final", 1, state=RETURNED, comment="too small", user="Rita")
    a_store.add("case", "final", 2, state=APPROVED, user="Rita")  # quicker than the note of the save
    a_store.resubmitted("case", "final", 2, "Anna")
    assert a_store.last("final")["case"].state == APPROVED


def test_label_that_nobody_reviewed_gets_no_file(a_store: ReviewStore, tmp_path: Path) -> None:
    a_store.resubmitted("case", "final", 2, "Anna")
    assert a_store.reviews("case", "final") == []
    assert not (tmp_path / "reviews").exists()


@pytest.mark.parametrize(
    ("state", "comment", "error"),
    [("accepted", "", "expected one of submitted, approved, returned"), (RETURNED, " ", "say what is to be done")],
)
def test_unusable_review_is_refused(a_store: ReviewStore, state: str, comment: str, error: str) -> None:
    with pytest.raises(InputError, match=error):
        a_store.add("case", "final", 1, state=state, comment=comment)
    assert a_store.reviews("case", "final") == []
