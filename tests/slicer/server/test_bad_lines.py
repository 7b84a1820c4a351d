"""Answers of a real server that are cut off in the middle, and studies and patients with unusual names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from cuttingproxy import CuttingProxy
from fragileserver import ACTIONS, PATIENT, FragileServer, begin, holdings, isFree, succeed
from panels import Spin, press, tree

STUDIES = ("A.b-c_7", "0", "x")
CONNECT, NEXT, SEGMENT, COMPUTE, CORRECT, SUBMIT = ACTIONS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("quietConsole")]


@pytest.fixture
def proxy(fragile: FragileServer) -> Iterator[CuttingProxy]:
    proxy = CuttingProxy(fragile.url)
    yield proxy
    proxy.close()


def test_an_answer_that_is_cut_off_is_an_error_and_nothing_of_it_is_taken(
    session: Any, proxy: CuttingProxy, spin: Spin
) -> None:
    session.ui.serverUrl.text = proxy.url
    for action in ACTIONS:
        before, count = holdings(session), len(proxy.cut)
        proxy.isCutting = True
        begin(session, action, spin)
        isFree(session, spin)
        assert len(proxy.cut) > count
        assert session.model.state.value == "error", action.name
        assert "broke off" in session.model.message, f"{action.name}: {session.model.message}"
        assert holdings(session) == before, action.name
        proxy.isCutting = False
        succeed(session, action, spin)


def test_studies_with_unusual_names_go_through_the_whole_round(
    session: Any, fragile: FragileServer, scene: Any, spin: Spin
) -> None:
    succeed(session, CONNECT, spin)
    left = [studyId for studyId in STUDIES if not fragile.client.label_history(studyId)]
    for _ in range(len(left)):
        for action in (NEXT, SEGMENT, COMPUTE, CORRECT, SUBMIT):
            succeed(session, action, spin)
        studyId = session.model.selection.studyId
        left.remove(studyId)
        assert f"'{studyId}'" in session.model.message
        assert session.model.result.analysis.reading.study_id == studyId
        assert tree(scene)[PATIENT.format(studyId)] == [studyId]
        assert (fragile.studies / "labels" / "final" / f"{studyId}.nii.gz").is_file()
        press(session, "findLabelsButton", spin)
        press(session, "loadLabelButton", spin)
        assert session.selection.segmentation().GetName() == f"{studyId} final, version 1"
