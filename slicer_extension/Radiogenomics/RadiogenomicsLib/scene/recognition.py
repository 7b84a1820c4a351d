"""Which of the scene's volumes are the sequences of one study; what could be misread is left to the user."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import slicer.util
from slicer.i18n import tr as _

from gliomics.sequences import Recognition, recognise, time_marks, two_times
from RadiogenomicsLib.scene.dicom_headers import Headers, headersOf
from RadiogenomicsLib.scene.origin import MAP_ATTRIBUTE, SEQUENCE_ATTRIBUTE, STUDY_ATTRIBUTE
from RadiogenomicsLib.sequences import SEQUENCES, TITLES
from RadiogenomicsLib.wording import inWords


@dataclass(frozen=True)
class VolumeRecognition:
    """What a volume is, in words by what that was told, and the study it belongs to, empty where it is not known."""

    recognition: Recognition
    how: str
    study: str = ""


@dataclass(frozen=True)
class RecognisedVolumes:
    """The volume of each sequence with the words for how it was told, and sentences on those that were left."""

    volumes: dict[str, tuple[Any, str]]
    notes: tuple[str, ...]


class Recogniser:
    """Looks at volumes once, and again when they were renamed: their headers are read from disk."""

    def __init__(self) -> None:
        self._recognitions: dict[tuple[str, ...], VolumeRecognition] = {}

    def of(self, node: Any) -> VolumeRecognition:
        """What a volume is, by where it came from, else by its DICOM headers together with its name."""
        attributes = (STUDY_ATTRIBUTE, SEQUENCE_ATTRIBUTE, "DICOM.instanceUIDs")
        key = (node.GetID(), node.GetName() or "", *(node.GetAttribute(name) or "" for name in attributes))
        if key not in self._recognitions:
            self._recognitions[key] = _recogniseVolume(node)
        return self._recognitions[key]

    def choose(self, chosenNodes: dict[str, Any], eligibleNodes: Collection[Any]) -> RecognisedVolumes:
        """The volumes for sequences that have none yet, beside those chosen already.

        All of the scene's volumes compete, but only an eligible one is taken: the only one that looks like the
        sequence, of the study that the chosen volumes are of. The notes are on eligible ones.
        """
        chosenIds = {node.GetID() for node in chosenNodes.values()}
        eligibleIds = {node.GetID() for node in eligibleNodes} - chosenIds
        candidates, foreignNodes = self._candidates(chosenNodes)
        notes = _notes(_("{volumes} left: of another study than the chosen volumes."), foreignNodes, eligibleIds)
        if len({candidate.study for candidate in candidates.values() if candidate.recognition.sequence} - {""}) > 1:
            notes.append(_("The volumes are of several studies: choose one volume, and press Recognise volumes again."))
            return RecognisedVolumes({}, tuple(notes))
        volumes: dict[str, tuple[Any, str]] = {}
        for sequence in SEQUENCES:
            nodes = [node for node, candidate in candidates.items() if candidate.recognition.sequence == sequence]
            if sequence in chosenNodes:
                notes += _notes(
                    _("{volumes} left: '{chosen}' stays chosen for {sequence}."),
                    nodes,
                    eligibleIds,
                    chosen=chosenNodes[sequence].GetName(),
                    sequence=TITLES[sequence],
                )
            elif len(nodes) > 1:
                sentence = _("{volumes} look like {sequence}: choose one of them.")
                notes += _notes(sentence, nodes, eligibleIds, sequence=TITLES[sequence])
            elif nodes and nodes[0].GetID() in eligibleIds:
                volumes[sequence] = nodes[0], candidates[nodes[0]].how
        if (
            note := self._ofTwoTimes({**chosenNodes, **{name: node for name, (node, _how) in volumes.items()}})
        ) and volumes:
            volumes, notes = {}, [*notes, note]
        for node, candidate in candidates.items():
            if candidate.recognition.sequence is None:
                notes += _notes(
                    _("{volumes} left: {reason}."), [node], eligibleIds, reason=candidate.recognition.reason
                )
        return RecognisedVolumes(volumes, tuple(notes))

    def _ofTwoTimes(self, nodes: dict[str, Any]) -> str:
        """That volumes are of two examinations by their names, where nothing else tells whose they are."""
        unknown = [(node.GetName() or "", name) for name, node in nodes.items() if not self.of(node).study]
        times = two_times([time_marks(*each) for each in unknown])
        if times is None:
            return ""
        first, second, oneTime, otherTime = times
        return _(
            "'{first}' says {oneTime}, and '{second}' {otherTime}: volumes that seem to be of two examinations are "
            "left; choose those of one."
        ).format(first=unknown[first][0], oneTime=oneTime, second=unknown[second][0], otherTime=otherTime)

    def _candidates(self, chosenNodes: dict[str, Any]) -> tuple[dict[Any, VolumeRecognition], list[Any]]:
        """What the scene's other volumes are, those of another study than the chosen ones apart."""
        chosenIds = {node.GetID() for node in chosenNodes.values()}
        studies = {self.of(node).study for node in chosenNodes.values()} - {""}
        candidates: dict[Any, VolumeRecognition] = {}
        foreignNodes = []
        for node in volumesOfScene():
            if node.GetID() in chosenIds:
                continue
            recognition = self.of(node)
            if studies and recognition.study not in ("", *studies):
                foreignNodes.append(node)
            else:
                candidates[node] = recognition
        return candidates, foreignNodes


def volumesOfScene() -> list[Any]:
    """The scene's images that a user can choose, without masks and a model's maps."""
    nodes = slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode")
    images = [node for node in nodes if node.GetClassName() == "vtkMRMLScalarVolumeNode"]
    return [node for node in images if not node.GetHideFromEditors() and not node.GetAttribute(MAP_ATTRIBUTE)]


def _recogniseVolume(node: Any) -> VolumeRecognition:
    name, tag, headers = node.GetName() or "", node.GetAttribute(SEQUENCE_ATTRIBUTE), headersOf(node)
    study = node.GetAttribute(STUDY_ATTRIBUTE) or (headers.studyUid if headers is not None else "")
    if tag in SEQUENCES:
        return VolumeRecognition(
            Recognition(tag, _("it came from the server as such")), _("Recognised by its tag"), study
        )
    if tag:
        return VolumeRecognition(Recognition(None, _("the server does not say its sequence")), "", study)
    if headers is None:
        return VolumeRecognition(recognise(name), _("Recognised by its name"), study)
    recognition = _byHeaders(name, headers)
    return VolumeRecognition(
        recognition, _("Recognised by its DICOM headers and name: {reason}").format(reason=recognition.reason), study
    )


def _byHeaders(name: str, headers: Headers) -> Recognition:
    """What headers, description and name agree on: a copy keeps the headers, and its name says what was made of it."""
    if headers.modality.upper() != "MR":
        return Recognition(None, _("its modality is {modality}").format(modality=headers.modality), is_other=True)
    byName = recognise(name, headers.acquisition)
    description = headers.description
    if byName.is_other or not description or description == name:
        return byName
    byDescription = recognise(description, headers.acquisition)
    if byDescription.is_other or byName.sequence == byDescription.sequence:
        return byDescription
    if byName.sequence and byDescription.sequence:
        return Recognition(
            None,
            _("its name says {sequence}, its DICOM description '{description}' {other}").format(
                sequence=byName.sequence, description=description, other=byDescription.sequence
            ),
        )
    together = recognise(f"{name} {description}", headers.acquisition)
    agreed = byName.sequence or byDescription.sequence
    return together if together.sequence == agreed else Recognition(None, together.reason)


def _notes(sentence: str, nodes: list[Any], eligibleIds: Collection[str], **facts: str) -> list[str]:
    """A sentence on these ``volumes`` and other facts; none where none of them is eligible."""
    if not any(node.GetID() in eligibleIds for node in nodes):
        return []
    return [sentence.format(volumes=inWords([f"'{node.GetName()}'" for node in nodes]), **facts)]
