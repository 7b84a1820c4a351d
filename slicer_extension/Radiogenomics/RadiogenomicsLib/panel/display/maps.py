"""A model's map over the images: asked of the server once, then shown and hidden at once."""

from __future__ import annotations

from typing import Any

import slicer
from slicer.i18n import tr as _

from gliomics.reading.feature_words import read_feature_name
from RadiogenomicsLib.here import calls
from RadiogenomicsLib.here.packages import missingPackages
from RadiogenomicsLib.here.process import Asking, HereProcess
from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import Steps, shown
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.display.evidence import MappedSegment, SegmentDigest, outlineUnderMap
from RadiogenomicsLib.scene.display.overlays import (
    EVIDENCE,
    FEATURE,
    OF_SEGMENT,
    PROBABILITY,
    TITLES,
    UNCERTAINTY,
    addMap,
    isMadeOf,
    kindOf,
    mapOf,
    mapsOfScene,
    mapsOn,
    showMap,
)
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.sequences import SEQUENCES
from RadiogenomicsLib.server import servercalls
from RadiogenomicsLib.server.offer import Model
from RadiogenomicsLib.server.volumes import OrientedImage, VolumeError

_MAP, _OPACITY, _NETWORK, _FEATURE, _RADIUS = "map", "mapOpacity", "network", "mapFeature", "mapRadius"
_MAPPED = ("firstorder", "glcm", "gldm", "glrlm", "glszm", "ngtdm")
"""Classes of features that have maps."""
_FIRST_FEATURE = "glcm_JointEntropy"
"""The one that is offered first, where it was measured."""
_DEFAULT_OPACITY = 50
_SEGMENT = "segment"
"""Under this name stands the segment beside the sequences that a map was made from."""


class Maps(Controller):
    """Binds the buttons of the maps and the slider of their opacity.

    The map is the chosen model's, of the chosen volumes: when either changes, it goes from the views. That of what
    speaks for an estimate is a tumour network's, of the chosen segment too, and that of a feature, which 3D Slicer
    itself measures, of the chosen segment on one sequence.
    """

    def __init__(self, context: PanelContext, process: HereProcess) -> None:
        super().__init__(context)
        self._process = process
        self._isComplete = False
        """Whether the packages that 3D Slicer needs to measure are there."""
        self._parameters: Parameters | None = None
        self._buttons = {
            "": self._ui.noMapButton,
            PROBABILITY: self._ui.probabilityButton,
            UNCERTAINTY: self._ui.uncertaintyButton,
            EVIDENCE: self._ui.evidenceButton,
            FEATURE: self._ui.featureMapButton,
        }
        self._toolTips = {kind: button.toolTip for kind, button in self._buttons.items()}
        self._shownId = ""
        self._layout = 0
        self._writer, self._digest = Writer(), SegmentDigest()
        connect = self._subscriptions.connect
        for kind, button in self._buttons.items():
            connect(button, "clicked(bool)", self._slot(kind))
        connect(self._ui.mapOpacitySlider, "valueChanged(int)", self.onOpacity)
        connect(self._ui.networkSelector, "currentIndexChanged(int)", self.onNetwork)
        connect(self._ui.featureMapSelector, "currentIndexChanged(int)", self.onFeature)
        connect(self._ui.featureMapRadius, "valueChanged(int)", self.onFeature)

    def _slot(self, kind: str) -> Any:
        return lambda: self.onMap(kind)

    # Scene

    def restore(self, parameters: Parameters) -> None:
        """Take up which map the scene remembers, how strong it is, and which network was asked."""
        self._parameters = parameters
        self._model.networkName = parameters.text(_NETWORK) or self._model.networkName
        opacity = parameters.text(_OPACITY)
        blocked = self._ui.mapOpacitySlider.blockSignals(True)
        self._ui.mapOpacitySlider.value = int(opacity) if opacity.isdigit() else _DEFAULT_OPACITY
        self._ui.mapOpacitySlider.blockSignals(blocked)
        radius = parameters.text(_RADIUS)
        if radius.isdigit():
            self._ui.featureMapRadius.value = int(radius)
        node = parameters.reference(_MAP)
        self._shownId = node.GetID() if node is not None else ""

    def update(self) -> None:
        """After any change: take a map off that is not of what is chosen now, and say what can be shown."""
        self._selection.hide(mapsOfScene())
        node = self._shown()
        if self._shownId and (node is None or not self._isOfSelection(node)):
            self._showMap(None)
            node = None
        elif node is not None and layouts.arrangement() != self._layout:
            showMap(node, self._ui.mapOpacitySlider.value / 100)  # the layout may have brought new views
        self._layout = layouts.arrangement()
        kind = kindOf(node) if node is not None else ""
        for key, button in self._buttons.items():
            reason = self._reason(key) if key and self._find(key) is None else ""
            self._write(button, enabled=not reason, toolTip=reason or self._toolTips[key], checked=key == kind)
        self._write(self._ui.mapOpacitySlider, enabled=node is not None)
        networks = [(network.description or network.name, network.name) for network in self._model.tumourNetworks]
        self._writer.fill(self._ui.networkSelector, networks, self._model.networkName)
        self._show(self._ui.evidenceRow, bool(networks) and self._model.mode == facts.READ)
        features = self._features()
        remembered = self._parameters.text(_FEATURE) if self._parameters is not None else ""
        current = self._ui.featureMapSelector.currentData or remembered
        first = next((name for name in features if name.endswith(_FIRST_FEATURE)), "")
        self._writer.fill(
            self._ui.featureMapSelector,
            [(title, name) for name, title in features.items()],
            current if current in features else first,
        )
        self._show(self._ui.featureMapRow, bool(features) and self._model.mode == facts.READ)
        self._writer.text(self._ui.evidenceText, escape(node.GetDescription()) if kind == EVIDENCE else "")

    # Actions

    @shown
    def onMap(self, kind: str) -> None:
        """A map was chosen, or none."""
        node = self._find(kind) if kind else None
        if node is not None or not kind:
            self._showMap(node)
            self._onChanged()
            return
        self._model.selection = self._selection.read()
        model, reason = self._maker(kind), self._reason(kind)
        if model is None or reason:
            self.runner.fail(reason)
        elif kind == EVIDENCE:
            self._askForEvidence(model)
        elif kind == FEATURE:
            self._measure(model)
        else:
            self._ask(kind, model)
        self.update()

    @shown
    def onNetwork(self) -> None:
        """Another network shall be asked."""
        self._model.networkName = self._ui.networkSelector.currentData or ""
        if self._parameters is not None:
            self._parameters.setText(_NETWORK, self._model.networkName)
        self._onChanged()

    @shown
    def onFeature(self) -> None:
        """Another feature or another kernel was chosen."""
        if self._parameters is not None:
            self._parameters.setText(_FEATURE, self._ui.featureMapSelector.currentData or "")
            self._parameters.setText(_RADIUS, str(self._ui.featureMapRadius.value))
        self._onChanged()

    @shown
    def onOpacity(self, percent: int) -> None:
        """The map shall be stronger or weaker."""
        if self._parameters is not None:
            self._parameters.setText(_OPACITY, str(percent))
        if self._shown() is not None:
            showMap(self._shown(), percent / 100)

    def _ask(self, kind: str, model: Model) -> None:
        """Have the server make the map."""
        sequences = model.sequences or SEQUENCES
        reference, contents = self._selection.firstVolume(sequences), self._contents(kind, sequences)
        referenceId, name = reference.GetID(), reference.GetName()
        images = self.runner.attempt(lambda: self._selection.images(sequences))
        if images is None or (images.volumes and not self.runner.mayUpload()):
            return
        backend = self.runner.backend()

        def onResult(image: OrientedImage) -> Steps:
            node = _reference(referenceId, name)
            self._showMap((yield from addMap(image, kind, node, model=_title(model), contents=contents)))
            self._model.jobFinished(
                _("{map} of '{name}' is shown over the images.").format(map=TITLES[kind], name=name)
            )

        self.runner.start(
            facts.MAP,
            lambda job: servercalls.voxelMap(job, backend, model.name, images, kind),
            onResult,
            backend=backend,
        )

    def _askForEvidence(self, network: Model) -> None:
        """Have the server estimate the chosen segment, and show what speaks for that."""
        sequences, selection = network.sequences or SEQUENCES, self._model.selection
        reference, segmentation = self._selection.firstVolume(sequences), self._selection.segmentation()
        referenceId, name = reference.GetID(), reference.GetName()
        mask = self.runner.attempt(lambda: self._logic.segmentMask(segmentation, selection.segmentId, reference))
        if mask is None or not self.runner.mayUpload():
            return
        images = self.runner.attempt(lambda: self._selection.images(sequences))
        if images is None:
            return
        backend, contents = self.runner.backend(), self._contents(EVIDENCE, sequences)

        def onResult(evidence: servercalls.Evidence) -> Steps:
            node, estimate = _reference(referenceId, name), evidence.estimate
            predicted = network.classes.get(estimate.predicted, estimate.predicted)
            segment = MappedSegment(mask.array > 0, predicted)
            shownMap = yield from addMap(
                evidence.image, EVIDENCE, node, model=_title(network), contents=contents, segment=segment
            )
            shownMap.SetDescription(" ".join([*evidence.sentences, estimate.notice]))
            self._showMap(shownMap)
            text = _("What speaks for {predicted} is shown over the images.").format(predicted=predicted)
            if not self._isOfSelection(shownMap):
                text = _("The segment was changed while its map was made: press the button again.")
            self._model.jobFinished(text)

        self.runner.start(
            facts.MAP,
            lambda job: servercalls.evidence(job, backend, network.name, images, mask=mask, region=selection.segment),
            onResult,
            backend=backend,
        )

    def _measure(self, feature: Model) -> None:
        """Measure the chosen feature around each voxel of the chosen segment."""
        sequences, selection = feature.requiredSequences, self._model.selection
        reference, segmentation = self._selection.firstVolume(sequences), self._selection.segmentation()
        referenceId, name = reference.GetID(), reference.GetName()
        mask = self.runner.attempt(lambda: self._logic.segmentMask(segmentation, selection.segmentId, reference))
        images = self.runner.attempt(lambda: self._selection.images(sequences, copied=True))
        if mask is None or images is None:
            return
        asking, contents = Asking(self._process, isLong=True), self._contents(FEATURE, sequences)
        radius, title = self._ui.featureMapRadius.value, read_feature_name(feature.name).plain

        def onResult(image: OrientedImage) -> Steps:
            segment = MappedSegment(mask.array > 0, title)
            shownMap = yield from addMap(
                image,
                FEATURE,
                _reference(referenceId, name),
                model=_title(feature),
                contents=contents,
                segment=segment,
            )
            self._showMap(shownMap)
            text = _("{feature} around each voxel is shown over the images.").format(feature=title)
            if not self._isOfSelection(shownMap):
                text = _("The segment was changed while its map was made: press the button again.")
            self._model.jobFinished(text)

        self.runner.start(
            facts.MAP,
            lambda job: calls.featureMap(job, asking, images, mask=mask, feature=feature.name, radius=radius),
            onResult,
            backend=asking,
        )

    # What is shown

    def _showMap(self, node: Any) -> None:
        self._shownId = node.GetID() if node is not None else ""
        if self._parameters is not None:
            self._parameters.setReference(_MAP, node)
        showMap(node, self._ui.mapOpacitySlider.value / 100)
        isOfSegment = node is not None and kindOf(node) in OF_SEGMENT
        outlineUnderMap(self._selection.segmentation() if isOfSegment else None)

    def _shown(self) -> Any:
        return slicer.mrmlScene.GetNodeByID(self._shownId) if self._shownId else None

    def _maker(self, kind: str) -> Model | None:
        """The model of the server whose map it is; of a feature, what stands for one: its name and its kernel."""
        if kind == FEATURE:
            name = self._ui.featureMapSelector.currentData or ""
            kernel = f"\u00b1{self._ui.featureMapRadius.value}"
            sequences = (name.partition("_")[0],)
            return Model(name, FEATURE, "", requiredSequences=sequences, version=kernel) if name else None
        if kind != EVIDENCE:
            return self._model.chosenModel
        networks = self._model.tumourNetworks  # the scene may remember one of another server
        chosen = (network for network in networks if network.name == self._model.networkName)
        return next(chosen, networks[0] if networks else None)

    def _reason(self, kind: str) -> str:
        """Why a map cannot be asked for; empty where it can."""
        if kind == FEATURE:
            return self._featureReason()
        if kind != EVIDENCE:
            return self._model.canSegment.reason
        network = self._maker(kind)
        return self._model.canExplain(network).reason if network is not None else _("The server has no such network.")

    def _featureReason(self) -> str:
        feature = self._maker(FEATURE)
        if feature is None:
            return _("Read the segment first: then its features can be chosen.")
        reason = self._model.canExplain(feature, here=True).reason
        self._isComplete = self._isComplete or not missingPackages()
        if not reason and not self._isComplete:
            reason = _("Read the segment with Compute here first: it offers to install what 3D Slicer lacks.")
        return reason

    def _features(self) -> dict[str, str]:
        """The features of the reading on display that have maps: their names, and these in words."""
        values = self._model.result.analysis.features.values if self._model.result is not None else {}
        chosen = self._model.selection.volumes
        names = [name for name in values if name.partition("_")[0] in chosen and name.rsplit("_", 2)[-2] in _MAPPED]
        names.sort(key=lambda name: SEQUENCES.index(name.partition("_")[0]))
        return {name: read_feature_name(name).plain for name in names}

    def _isOfSelection(self, node: Any) -> bool:
        kind = kindOf(node)
        if kind in OF_SEGMENT and self._model.mode != facts.READ:
            return False
        if self._maker(kind) is not None:
            return self._find(kind) is node
        return isMadeOf(node, self._contents(kind, SEQUENCES))

    def _find(self, kind: str) -> Any:
        """The map of a kind that the scene has of what is chosen, or None."""
        model = self._maker(kind)
        sequences = (model.sequences or SEQUENCES) if model is not None else ()
        reference = self._selection.firstVolume(sequences) if model is not None else None
        if model is None or reference is None or kind not in map(kindOf, mapsOn(reference)):
            return None
        return mapOf(kind, reference, model=_title(model), contents=self._contents(kind, sequences))

    def _contents(self, kind: str, sequences: tuple[str, ...]) -> dict[str, str]:
        """A text for each chosen volume of these sequences, and for the segment where the map is of one."""
        volumes = self._model.selection.volumes
        contents = {sequence: volumes[sequence].contents for sequence in sequences if sequence in volumes}
        if kind not in OF_SEGMENT:
            return contents
        reference = self._selection.firstVolume(sequences)
        segment = self._digest.of(self._selection.segmentation(), self._selection.segmentId(), reference)
        return {**contents, _SEGMENT: segment}


def _reference(nodeId: str, name: str) -> Any:
    """The volume on which a map was made; refused where it has gone since."""
    node = slicer.mrmlScene.GetNodeByID(nodeId)
    if node is None:
        raise VolumeError(
            _("volume '{name}' was removed while its map was made; the map was dropped").format(name=name)
        )
    return node


def _title(model: Model) -> str:
    return f"{model.name} {model.version}".strip()
