"""Images of a study that have come from the server, put into the scene."""

from __future__ import annotations

from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.jobrunner import Steps
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.server.servercalls import StudyImages


def addVolumes(logic: RadiogenomicsLogic, model: PanelModel, study: StudyImages, nodes: dict[str, Any]) -> Steps:
    """Put those images of a study into the scene that ``nodes`` lacks: all, or none when it is given up."""
    added: list[Any] = []
    logic.studyIsOf(study.studyId, study.patientId)
    try:
        for sequence, image in study.volumes.items():
            if sequence not in nodes:
                model.jobProgressed(_("showing {sequence}").format(sequence=sequence), None)
                nodes[sequence] = logic.addHiddenVolume(image, study.studyId, sequence, study.volumes)
                added.append(nodes[sequence])
                yield
                nodes[sequence].CreateDefaultDisplayNodes()
                yield
    except GeneratorExit:
        for node in added:
            logic.removeVolume(node, study.studyId)
        raise
