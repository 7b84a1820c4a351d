"""What the application's views show of the study: layouts, the segment in 3-D and the table of all features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _

from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import makeTimer, shown
from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.display.surface import Surfaces
from RadiogenomicsLib.scene.parameters import Parameters
from RadiogenomicsLib.scene.tables import ORDERS, showRows

SETTLE_MS = 50
"""A new layout is filled after this time, when its views have their size."""
FILTER_MS = 150
"""Rows are looked for when the user has not typed for this long."""

_LAYOUTS = {
    0: _("Your own"),
    layouts.SEQUENCES_LAYOUT: "FLAIR, T1, T1 contrast, T2",
    layouts.SURFACE_LAYOUT: _("Sequences and 3-D"),
    layouts.FEATURES_LAYOUT: _("Sequences and all features"),
    layouts.POPULATION_LAYOUT: _("Sequences and training patients"),
    layouts.CURVE_LAYOUT: _("Curve of a training"),
}
_BEFORE, _SAVED = "layoutBefore", "layout"
FEATURES_TABLE, PARTS_TABLE = "features", "parts"
"""Which table is shown: of one segment, or of all parts of the tumour."""


@dataclass(frozen=True)
class _Content:
    """What the views are to show; nodes by their IDs."""

    layout: int
    volumes: tuple[tuple[str, str], ...]
    segmentation: str
    segment: str
    isOutlined: bool
    table: str


class Views(Controller):
    """Binds the widgets of the section *Views*."""

    def __init__(self, context: PanelContext) -> None:
        super().__init__(context)
        self._parameters: Parameters | None = None
        self._content: _Content | None = None
        self._surfaces = Surfaces()
        self._tableRole = FEATURES_TABLE
        self._settleTimer = makeTimer(SETTLE_MS, self._settle)
        self._filterTimer = makeTimer(FILTER_MS, self._showFeatures)
        self._surfaceTimer = makeTimer(SETTLE_MS, self._makeSurface)
        ui, connect = self._ui, self._subscriptions.connect
        for title in _LAYOUTS.values():
            ui.layoutSelector.addItem(title)
        for order in ORDERS:
            ui.featureOrderSelector.addItem(order)
        connect(ui.layoutSelector, "currentIndexChanged(int)", self.onLayout)
        connect(ui.allFeaturesButton, "clicked(bool)", self.onAllFeatures)
        connect(ui.outlineOnlyCheckBox, "toggled(bool)", self.onOutlineOnly)
        connect(ui.featureFilterEdit, "textChanged(QString)", self.onFilter)
        connect(ui.featureOrderSelector, "currentIndexChanged(int)", self.onFilter)
        node = layouts.layoutNode()
        if node is not None:
            layouts.register(node)
            self._subscriptions.observe(node, vtk.vtkCommand.ModifiedEvent, self.onLayoutNode)
            self._subscriptions.observe(slicer.mrmlScene, slicer.mrmlScene.StartSaveEvent, self.onSceneIsSaved)
            self._subscriptions.observe(slicer.mrmlScene, slicer.mrmlScene.EndSaveEvent, self.onSceneSaved)

    # Scene

    def restore(self, parameters: Parameters) -> None:
        """Take up what the scene remembers."""
        self._parameters = parameters
        self._content = None
        if layouts.layoutNode() is not None:
            layouts.register(layouts.layoutNode())
            saved = parameters.text(_SAVED)
            parameters.setText(_SAVED, "")
            if saved.isdigit() and layouts.isOurs(int(saved)):
                layouts.arrange(int(saved))

    def update(self) -> None:
        """After any change: bring the views to what is chosen now."""
        content = self._wanted()
        self._showSurfaces(content)
        if content == self._content:
            return
        before, self._content = self._content, content
        self._showChoices(content)
        if not layouts.isOurs(content.layout):
            return
        layouts.fill(self._selection.volumes())
        if before is None or (before.layout, before.volumes) != (content.layout, content.volumes):
            self._settleTimer.start()
        if content.layout == layouts.FEATURES_LAYOUT:
            self._showFeatures()

    def cleanup(self) -> None:
        """Leave no timer; the layout stays as it is."""
        for timer in (self._settleTimer, self._filterTimer, self._surfaceTimer):
            timer.stop()
        self._surfaces.drop()

    # Actions

    @shown
    def onLayout(self, index: int) -> None:
        """Another layout was chosen."""
        self.choose(list(_LAYOUTS)[index])

    @shown
    def onAllFeatures(self) -> None:
        """The table of all features shall be shown."""
        self._showTable(FEATURES_TABLE)

    def showParts(self) -> None:
        """Show the table of all parts of the tumour."""
        self._showTable(PARTS_TABLE)

    def _showTable(self, role: str) -> None:
        self._tableRole = role
        if layouts.layoutNode() is not None:
            self.choose(layouts.FEATURES_LAYOUT)

    def _table(self) -> Any:
        """The table to be shown, or None; without a table of the parts, that of the segment."""
        if self._parameters is None:
            return None
        return self._parameters.reference(self._tableRole) or self._parameters.reference(FEATURES_TABLE)

    def choose(self, layout: int) -> None:
        """Show one of the layouts, or the user's own again for 0."""
        present = layouts.arrangement()
        if not layout and layouts.isOurs(present):
            layouts.arrange(self._before())
        elif layout and layout != present:
            if not layouts.isOurs(present) and self._parameters is not None:
                self._parameters.setText(_BEFORE, str(present))
            layouts.arrange(layout)
        self._onChanged()

    def _before(self) -> int:
        """The user's own layout."""
        before = self._parameters.text(_BEFORE) if self._parameters is not None else ""
        return int(before) if before.isdigit() else layouts.DEFAULT_LAYOUT

    @shown
    def onSceneIsSaved(self, _caller: Any = None, _event: Any = None) -> None:
        """What is saved has the user's own layout, so that it can be opened without this module, and ours beside it."""
        present = layouts.arrangement()
        if layouts.isOurs(present) and self._parameters is not None:
            self._parameters.setText(_SAVED, str(present))
            layouts.nameOnly(self._before())

    @shown
    def onSceneSaved(self, _caller: Any = None, _event: Any = None) -> None:
        """The views are as they were."""
        saved = self._parameters.text(_SAVED) if self._parameters is not None else ""
        if saved and self._parameters is not None:
            layouts.nameOnly(int(saved))
            self._parameters.setText(_SAVED, "")

    @shown
    def onLayoutNode(self, _caller: Any = None, _event: Any = None) -> None:
        """The layout was changed, here or by the application's own menu."""
        self._onChanged()

    @shown
    def onOutlineOnly(self, checked: bool) -> None:
        """Segments shall be shown by their edge alone, or filled."""
        segmentation = self._selection.segmentation()
        if segmentation is not None:
            segmentation.GetDisplayNode().SetVisibility2DFill(not checked)
            segmentation.GetDisplayNode().SetVisibility2DOutline(True)

    @shown
    def onFilter(self) -> None:
        """Other words or another order for the table of features."""
        self._filterTimer.start()

    # What is shown

    def _wanted(self) -> _Content:
        segmentation, table = self._selection.segmentation(), self._table()
        display = segmentation.GetDisplayNode() if segmentation is not None else None
        return _Content(
            layouts.arrangement(),
            tuple((sequence, node.GetID()) for sequence, node in self._selection.volumes().items()),
            segmentation.GetID() if segmentation is not None else "",
            self._selection.segmentId(),
            display is not None and not display.GetVisibility2DFill(),
            f"{table.GetID()} {table.GetMTime()}" if table is not None else "",
        )

    def _showChoices(self, content: _Content) -> None:
        ui, hasViews = self._ui, layouts.layoutNode() is not None
        shownLayout = content.layout if content.layout in _LAYOUTS else 0
        blocked = ui.layoutSelector.blockSignals(True)
        ui.layoutSelector.setCurrentIndex(list(_LAYOUTS).index(shownLayout))
        ui.layoutSelector.blockSignals(blocked)
        ui.layoutSelector.enabled = hasViews
        ui.outlineOnlyCheckBox.enabled = bool(content.segmentation)
        blocked = ui.outlineOnlyCheckBox.blockSignals(True)
        ui.outlineOnlyCheckBox.checked = content.isOutlined
        ui.outlineOnlyCheckBox.blockSignals(blocked)
        self._show(ui.featureRows, content.layout == layouts.FEATURES_LAYOUT)
        hint = "" if hasViews else _("There are no views here.")
        if content.layout == layouts.CURVE_LAYOUT:
            hint = _("The curve is drawn under Manage.")
        elif layouts.isOurs(content.layout) and not content.volumes:
            hint = _("Choose volumes under Images: each sequence has its view.")
        elif content.layout == layouts.SURFACE_LAYOUT and not content.segmentation:
            hint = _("Choose a segmentation to see it in 3-D.")
        elif content.layout == layouts.FEATURES_LAYOUT and not content.table:
            hint = _("There are no features yet: press Read segment.")
        self._write(ui.viewsHint, text=hint)
        self._show(ui.viewsHint, bool(hint))

    @shown
    def _settle(self) -> None:
        """The views of a new layout, or of a new study, have their size: fit the study into them."""
        segmentation, segmentId = self._selection.segmentation(), self._selection.segmentId()
        centre = None
        if segmentation is not None and segmentId:
            centre = segmentation.GetSegmentCenterRAS(segmentId)
        layouts.fill(self._selection.volumes())
        layouts.fit(self._selection.volumes(), list(centre) if centre is not None else None)

    def _showSurfaces(self, content: _Content) -> None:
        segmentation = self._selection.segmentation()
        if content.layout != layouts.SURFACE_LAYOUT or segmentation is None:
            self._surfaces.drop()
        elif self._surfaces.show(segmentation):
            self._surfaceTimer.start()

    @shown
    def _makeSurface(self) -> None:
        """One surface at a time, so that the application answers in between."""
        if self._surfaces.makeNext():
            self._surfaceTimer.start()

    @shown
    def _showFeatures(self) -> None:
        table = self._table()
        view = slicer.mrmlScene.GetSingletonNode(layouts.TABLE_TAG, "vtkMRMLTableViewNode")
        if view is None:
            return
        if table is None:
            view.SetTableNodeID(None)
            self._ui.featureCountLabel.text = ""
            return
        node, count = showRows(table, self._ui.featureFilterEdit.text, self._ui.featureOrderSelector.currentText)
        view.SetDoPropagateTableSelection(False)
        view.SetTableNodeID(node.GetID())
        self._ui.featureCountLabel.text = _("{count} of {all}").format(count=count, all=table.GetNumberOfRows())
