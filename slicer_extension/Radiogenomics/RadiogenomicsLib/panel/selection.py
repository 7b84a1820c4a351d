"""What is selected in the panel: volumes by sequence, a segmentation and a segment of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import slicer
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.jobrunner import JobRunner, shown
from RadiogenomicsLib.panel.selected import ChosenVolume, Selection
from RadiogenomicsLib.panel.subscriptions import Subscriptions
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.scene.origin import STUDY_SEQUENCES_ATTRIBUTE, Origin
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.parts import partOf
from RadiogenomicsLib.scene.recognition import Recogniser, volumesOfScene
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server.servercalls import CaseImages

_SEGMENTATION = "segmentation"


class SceneSelection:
    """The panel's selectors, kept in step with the parameter node; ``onChanged`` is called after every change."""

    def __init__(
        self,
        ui: Any,
        logic: RadiogenomicsLogic,
        work: JobRunner,
        subscriptions: Subscriptions,
        onChanged: Callable[[], None],
    ) -> None:
        self.runner = work
        self._segments = ui.segmentSelector
        self._selectors = {sequence: getattr(ui, f"{sequence}Selector") for sequence in SEQUENCES}
        self._logic = logic
        self._onChanged = onChanged
        self._recognisedBy: dict[str, str] = {}
        self._newVolumeIds: list[str] = []
        self._recogniser = Recogniser()
        self.notes: tuple[str, ...] = ()
        """What was not chosen when volumes were recognised last, and why."""
        self._nodeIds = dict.fromkeys((*SEQUENCES, _SEGMENTATION), "")
        """What each selector chose last: its signal also comes when the node is only renamed."""
        self._silent = False
        for sequence, selector in self._selectors.items():
            subscriptions.connect(selector, "currentNodeChanged(vtkMRMLNode*)", self._volumeSlot(sequence))
        subscriptions.connect(self._segments, "currentNodeChanged(vtkMRMLNode*)", self._onSegmentation)
        subscriptions.connect(self._segments, "currentSegmentChanged(QString)", self._changed)

    def _volumeSlot(self, sequence: str) -> Callable[[Any], None]:
        return lambda node: self._onVolume(sequence, node)

    @shown
    def _onVolume(self, sequence: str, node: Any) -> None:
        if self._isOther(sequence, node):
            self._recognisedBy.pop(sequence, None)
        self._changed()

    @shown
    def _onSegmentation(self, node: Any) -> None:
        if self._isOther(_SEGMENTATION, node) and not self._silent:
            self._chooseFirstSegment()
        self._changed()

    def _isOther(self, selector: str, node: Any) -> bool:
        """Whether a selector has another node than before."""
        nodeId = node.GetID() if node is not None else ""
        isOther = nodeId != self._nodeIds[selector]
        self._nodeIds[selector] = nodeId
        return isOther

    def _chooseFirstSegment(self) -> None:
        """Choose the first segment where none is chosen; the selector itself stays at *None*."""
        node = self.segmentation()
        if node is not None and not self.segmentId() and node.GetSegmentation().GetNumberOfSegments():
            self._segments.setCurrentSegmentID(node.GetSegmentation().GetNthSegmentID(0))

    @shown
    def _changed(self) -> None:
        if not self._silent:
            self._onChanged()

    # Reading

    def volumes(self) -> dict[str, Any]:
        """The chosen volume nodes by sequence."""
        nodes = {sequence: selector.currentNode() for sequence, selector in self._selectors.items()}
        return {sequence: node for sequence, node in nodes.items() if node is not None}

    def segmentation(self) -> Any:
        """The chosen segmentation node, or None."""
        return self._segments.currentNode()

    def segmentId(self) -> str:
        """The chosen segment; empty when there is none. The selector may still name a segment that has gone."""
        node, segmentId = self.segmentation(), self._segments.currentSegmentID()
        exists = node is not None and segmentId and node.GetSegmentation().GetSegment(segmentId) is not None
        return segmentId if exists else ""

    def read(self) -> Selection:
        """The selection in words."""
        node, segmentId, origin = self.segmentation(), self.segmentId(), self._originDrawnOn()
        segment = node.GetSegmentation().GetSegment(segmentId).GetName() if segmentId else ""
        return Selection(
            volumes={sequence: self._chosen(volume) for sequence, volume in self.volumes().items()},
            segmentationId=node.GetID() if node is not None else "",
            segmentation=node.GetName() if node is not None else "",
            segmentId=segmentId,
            segment=segment,
            part=partOf(segment),
            drawnOnStudyId=self._studyDrawnOn(),
            drawnOnServer=origin.otherServer if origin is not None else "",
            studySequences=self._studySequences(),
        )

    def _chosen(self, node: Any) -> ChosenVolume:
        contents, origin = self._logic.contents(node), self._logic.origin(node)
        if origin is None:
            return ChosenVolume(node.GetID(), node.GetName(), contents=contents)
        return ChosenVolume(
            node.GetID(), node.GetName(), origin.studyId, origin.sequence, origin.change, not origin.isOnGrid, contents
        )

    def _studySequences(self) -> tuple[str, ...]:
        attributes = (node.GetAttribute(STUDY_SEQUENCES_ATTRIBUTE) for node in self.volumes().values())
        return tuple(next((attribute for attribute in attributes if attribute), "").split())

    def _originDrawnOn(self) -> Origin | None:
        """Where the volume came from that the chosen segmentation was drawn on."""
        drawnOn = self._logic.referenceVolume(self.segmentation()) if self.segmentation() is not None else None
        return self._logic.origin(drawnOn) if drawnOn is not None else None

    def _studyDrawnOn(self) -> str:
        """The study on whose grid the chosen segmentation was drawn; empty when it was drawn on another."""
        origin = self._originDrawnOn()
        return origin.studyId if origin is not None and origin.isOnGrid else ""

    def firstVolume(self, preferred: tuple[str, ...] = ()) -> Any:
        """The first chosen volume, those of ``preferred`` sequences first; None when none is chosen."""
        volumes = self.volumes()
        return next((volumes[sequence] for sequence in (*preferred, *SEQUENCES) if sequence in volumes), None)

    def images(self, sequences: tuple[str, ...] = SEQUENCES, *, copied: bool = False) -> CaseImages:
        """The chosen volumes as the server shall get them: by study when it has them as they are, else copied.

        With ``copied`` they are copied in any case, for whoever has no studies.
        """
        selection, nodes = self.read(), {s: node for s, node in self.volumes().items() if s in sequences}
        self._logic.checkTransforms(nodes)
        if selection.isOnServer and not copied:
            return CaseImages(studyId=selection.studyId)
        volumes = {sequence: self._logic.volume(node) for sequence, node in nodes.items()}
        return CaseImages(studyId=selection.studyId if copied else "", volumes=volumes)

    def labelReference(self) -> Any:
        """The volume whose grid a label is sent on: what it was drawn on if that is of a study, else the first."""
        return self._logic.referenceVolume(self.segmentation()) if self._studyDrawnOn() else self.firstVolume()

    def hint(self, sequence: str) -> str:
        """By what the volume of a sequence was recognised and where it is from, for display beside it."""
        node = self.volumes().get(sequence)
        if node is None:
            return ""
        how, origin = self._recognisedBy.get(sequence, _("Chosen by you")), self._logic.origin(node)
        if origin is None:
            return _("{how}; not on the server").format(how=how)
        text = _("{how}; study {study}").format(how=how, study=origin.studyId)
        if origin.sequence not in ("", sequence):
            text = _("{text}, which came as '{sequence}'").format(text=text, sequence=origin.sequence)
        if origin.change:
            text = _("{text}, but it {change}: sent as it is now").format(text=text, change=origin.change)
        return text

    # Changing

    def chooseVolumes(self, volumes: dict[str, Any], how: str) -> None:
        """Choose these volumes, and none for the other sequences."""
        self._silent = True
        self._newVolumeIds, self.notes = [], ()
        for sequence, selector in self._selectors.items():
            selector.setCurrentNode(volumes.get(sequence))
            self._recognisedBy[sequence] = how
        self._silent = False
        self._onChanged()

    def chooseSegmentation(self, node: Any) -> None:
        """Choose a segmentation, and its first segment unless one of its segments is chosen; None for none."""
        self._silent = True
        self._segments.setCurrentNode(node)
        self._chooseFirstSegment()
        self._silent = False
        self._onChanged()

    def chooseSegment(self, segmentId: str) -> None:
        """Choose another segment of the segmentation that is chosen."""
        self._segments.setCurrentSegmentID(segmentId)

    def volumeAdded(self, node: Any) -> None:
        """Remember a new volume until its name and attributes are set."""
        self._newVolumeIds.append(node.GetID())

    def recogniseNewVolumes(self) -> None:
        """Choose new volumes for sequences that have none, where only one of the scene's looks like the sequence."""
        nodes = [slicer.mrmlScene.GetNodeByID(nodeId) for nodeId in self._newVolumeIds]
        self._newVolumeIds = []
        self._recognise([node for node in nodes if node is not None])

    def recogniseVolumes(self) -> tuple[str, ...]:
        """Choose among all of the scene's volumes, as for new ones; returns the sequences that have one now."""
        self._newVolumeIds = []
        return self._recognise(volumesOfScene())

    def _recognise(self, eligible: list[Any]) -> tuple[str, ...]:
        recognised = self._recogniser.choose(self.volumes(), eligible)
        self.notes = recognised.notes
        self._silent = True
        for sequence, (node, how) in recognised.volumes.items():
            self._selectors[sequence].setCurrentNode(node)
            self._recognisedBy[sequence] = how
        self._silent = False
        self._onChanged()
        return tuple(recognised.volumes)

    def hide(self, volumes: list[Any]) -> None:
        """Do not offer these volumes for any sequence."""
        nodeIds = [node.GetID() for node in volumes]
        for selector in self._selectors.values():
            offered = selector.sortFilterProxyModel()
            if list(offered.hiddenNodeIDs) != nodeIds:
                offered.hiddenNodeIDs = nodeIds

    def release(self, node: Any) -> None:
        """Let go of a node that is about to be removed; a selector would take its neighbour instead."""
        for selector in (*self._selectors.values(), self._segments):
            if selector.currentNode() is node:
                selector.setCurrentNode(None)

    def hold(self) -> None:
        """Take no notice of the selectors until :meth:`restore`: they lose their nodes while a scene comes or goes."""
        self._silent = True

    def restore(self, parameters: Parameters) -> None:
        """Choose what the parameter node remembers."""
        self._silent = True
        self._recognisedBy.clear()
        self.notes = ()
        for sequence, selector in self._selectors.items():
            selector.setCurrentNode(parameters.reference(sequence))
        if self.volumes():
            self._newVolumeIds = []  # what the scene leaves unchosen was the user's choice
        self._segments.setCurrentNode(parameters.reference("segmentation"))
        self._segments.setCurrentSegmentID(parameters.text("segment"))
        self._silent = False
        self._onChanged()

    def remember(self, parameters: Parameters) -> None:
        """Keep the selection in the parameter node."""
        volumes = self.volumes()
        for sequence in SEQUENCES:
            parameters.setReference(sequence, volumes.get(sequence))
        parameters.setReference("segmentation", self.segmentation())
        parameters.setText("segment", self.segmentId())
