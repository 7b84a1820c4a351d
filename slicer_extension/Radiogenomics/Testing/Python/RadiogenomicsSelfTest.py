"""Tests that run inside 3D Slicer ("Reload and Test" in developer mode, or ctest), on its real widgets.

With ``GLIOMICS_SERVER`` set to a server's address, the last one goes through a session with it and saves no label.
"""

from __future__ import annotations

import os
import time
import unittest
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import qt
import slicer
import slicer.util
from RadiogenomicsLib.panel.jobrunner import makeTimer
from RadiogenomicsLib.panel.refine.placement import PointPlacement
from RadiogenomicsLib.panel.uifiles import PanelWidgets, loadWidgets
from RadiogenomicsLib.panel.viewmodel import PanelState
from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
from RadiogenomicsLib.server.backends import ServerBackend
from RadiogenomicsLib.server.volumes import OrientedImage, sameGrid

OBLIQUE = np.array([[0.8, 0.6, 0.0, -30.0], [-0.6, 0.8, 0.0, 20.0], [0.0, 0.0, 5.0, 4.0], [0.0, 0.0, 0.0, 1.0]])
SERVER_SECONDS = 300
LOOK_MS = 100


def waitFor(condition: Callable[[], bool], seconds: float) -> None:
    """Let the application's event loop run until a condition holds, as it does for a user.

    It keeps Python's interpreter lock, so nothing here may sleep: that would give jobs turns that they do not have.
    """
    end, loop = time.monotonic() + seconds, qt.QEventLoop()

    def look() -> None:
        if condition() or time.monotonic() > end:
            loop.quit()

    timer = makeTimer(LOOK_MS, look, singleShot=False)
    timer.start()
    if not condition():
        loop.exec_()
    timer.stop()
    if not condition():
        raise AssertionError(f"not within {seconds} s")


class RadiogenomicsSelfTest(unittest.TestCase):
    """The panel on an empty scene."""

    def setUp(self) -> None:
        slicer.mrmlScene.Clear(False)
        self.logic = RadiogenomicsLogic()
        self.panels: list[tuple[RadiogenomicsPanel, PanelWidgets]] = []

    def tearDown(self) -> None:
        for panel, widgets in self.panels:
            panel.cleanup()
            widgets.frame.hide()
        slicer.mrmlScene.Clear(False)

    def openPanel(self) -> RadiogenomicsPanel:
        """A second panel beside the module's own."""
        folder = Path(slicer.util.modulePath("Radiogenomics")).parent
        widgets = loadWidgets(folder / "Resources" / "UI")
        panel = RadiogenomicsPanel(widgets, self.logic, ServerBackend)
        self.panels.append((panel, widgets))
        widgets.frame.show()
        return panel

    def aStudy(self) -> tuple[Any, OrientedImage]:
        """An oblique volume of a study, and a mask with the values 1 and 4 on it."""
        array = np.random.default_rng(1).normal(size=(5, 16, 18)).astype(np.float32)
        mask = np.zeros(array.shape, np.uint8)
        mask[1:4, 4:9, 5:11] = 1
        mask[2, 6:8, 7:9] = 4
        return self.logic.addVolume(OrientedImage(array, OBLIQUE), "self-test", "flair"), OrientedImage(mask, OBLIQUE)

    def test_an_oblique_mask_keeps_its_values_and_place(self) -> None:
        volume, mask = self.aStudy()
        segmentation = self.logic.addSegmentation(mask, volume, {"tumour": 1, "enhancing": 4}, "self-test")
        exported = self.logic.exportLabels(segmentation, volume, {})
        self.assertTrue(np.array_equal(exported.mask.array, mask.array))
        self.assertTrue(sameGrid(exported.mask, mask))
        self.assertEqual(exported.values, {"tumour": 1, "enhancing": 4})

    def test_without_a_server_the_panel_says_what_to_do(self) -> None:
        panel = self.openPanel()
        self.assertEqual(panel.model.state, PanelState.NO_SERVER)
        self.assertIn("type the address", panel.ui.statusLabel.text)
        self.assertFalse(panel.ui.computeButton.enabled)

    def test_selectors_follow_the_scene(self) -> None:
        panel = self.openPanel()
        volume, mask = self.aStudy()
        waitFor(lambda: panel.ui.flairSelector.currentNode() is not None, 5)
        self.assertEqual(panel.ui.flairSelector.currentNode().GetID(), volume.GetID())
        segmentation = self.logic.addSegmentation(mask, volume, {"tumour": 1}, "self-test")
        panel.selection.chooseSegmentation(segmentation)
        self.assertEqual(panel.model.selection.segment, "tumour")
        self.assertEqual(panel.model.selection.labelStudyId, "self-test")
        slicer.mrmlScene.RemoveNode(volume)
        self.assertIsNone(panel.ui.flairSelector.currentNode())

    def test_a_segment_is_chosen_with_its_segmentation_and_the_user_may_choose_none(self) -> None:
        panel = self.openPanel()
        volume, mask = self.aStudy()
        segmentation = self.logic.addSegmentation(mask, volume, {"tumour": 1, "enhancing": 4}, "self-test")
        panel.ui.segmentSelector.setCurrentNode(segmentation)
        self.assertEqual(panel.model.selection.segment, "tumour")
        panel.ui.segmentSelector.setCurrentSegmentID("")
        segmentation.SetName("renamed")
        self.assertEqual(panel.model.selection.segment, "")

    def test_a_panel_that_was_cleaned_up_no_longer_reacts(self) -> None:
        panel = self.openPanel()
        panel.cleanup()
        volume, _ = self.aStudy()
        panel.ui.flairSelector.setMRMLScene(slicer.mrmlScene)
        panel.ui.flairSelector.setCurrentNode(volume)
        panel.ui.serverUrl.text = "http://somewhere.example"
        self.assertEqual(panel.model.selection.volumes, {})
        self.assertNotEqual(panel.model.url, "http://somewhere.example")
        panel.ui.flairSelector.setMRMLScene(None)

    def test_a_slice_that_is_ticked_is_done(self) -> None:
        panel = self.openPanel()
        self.aStudy()
        waitFor(lambda: panel.ui.flairSelector.currentNode() is not None, 5)
        panel.model.slicesNamed("self-test", (1, 3))
        panel.refresh()
        panel.ui.sliceList.item(1).setCheckState(qt.Qt.Checked)
        self.assertEqual(panel.model.slicesAsked["self-test"].doneNumbers, (3,))

    def test_a_slice_is_shown_in_the_red_view(self) -> None:
        view = slicer.mrmlScene.GetSingletonNode("Red", "vtkMRMLSliceNode")
        if view is None:
            self.skipTest("this layout has no red slice view")
        self.logic.showSlice(self.aStudy()[0], 2)
        self.assertAlmostEqual(view.GetSliceOffset(), OBLIQUE[2, 3] + 2 * OBLIQUE[2, 2], 3)

    def test_the_mouse_places_points_until_it_is_given_back(self) -> None:
        interaction = slicer.app.applicationLogic().GetInteractionNode()
        runner = self.openPanel().runner
        names = {True: "self-test", False: "self-test, not"}
        placement = PointPlacement(names, 1, lambda lesion, positions, remove: None, lambda: None, runner)
        placement.start(True)
        self.assertEqual(interaction.GetCurrentInteractionMode(), interaction.Place)
        placement.cleanup()
        self.assertEqual(interaction.GetCurrentInteractionMode(), interaction.ViewTransform)

    def test_an_answer_is_a_step_of_the_editor_s_history(self) -> None:
        panel = self.openPanel()
        volume, mask = self.aStudy()
        segmentation = self.logic.addSegmentation(mask, volume, {"tumour": 1}, "self-test")
        waitFor(lambda: panel.ui.flairSelector.currentNode() is not None, 5)
        panel.selection.chooseSegmentation(segmentation)
        self.assertEqual(panel.ui.segmentEditor.segmentationNodeID(), segmentation.GetID())
        before = self.logic.segmentMask(segmentation, panel.selection.segmentId(), volume)
        mask = OrientedImage(1 - before.array, before.ijkToRas)
        panel.editor.replace({panel.selection.segmentId(): mask}, volume)
        self.assertTrue(panel.editor.canUndo)
        panel.ui.segmentEditor.undo()
        after = self.logic.segmentMask(segmentation, panel.selection.segmentId(), volume)
        self.assertTrue(np.array_equal(after.array, before.array))

    def test_a_server_that_is_not_there_is_an_error_and_the_panel_stays_usable(self) -> None:
        panel = self.openPanel()
        panel.ui.serverUrl.text = "http://127.0.0.1:9"
        panel.ui.connectButton.click()
        waitFor(lambda: not panel.model.running, 30)
        self.assertEqual(panel.model.state, PanelState.ERROR)
        self.assertIn("No server answers", panel.ui.statusLabel.text)
        self.assertTrue(panel.ui.connectButton.enabled)

    @unittest.skipUnless(os.environ.get("GLIOMICS_SERVER"), "GLIOMICS_SERVER is not set")
    def test_a_session_with_a_server(self) -> None:
        panel = self.openPanel()
        panel.ui.serverUrl.text = os.environ["GLIOMICS_SERVER"]
        for button in ("connectButton", "nextStudyButton", "segmentButton", "computeButton"):
            self.assertTrue(getattr(panel.ui, button).enabled, f"{button}: {getattr(panel.ui, button).toolTip}")
            getattr(panel.ui, button).click()
            waitFor(lambda: not panel.model.running, SERVER_SECONDS)
            self.assertNotEqual(panel.model.state, PanelState.ERROR, panel.model.message)
        self.assertGreater(panel.parameters.reference("features").GetNumberOfRows(), 10)
