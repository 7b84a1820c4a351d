"""The Radiogenomics module: what 3D Slicer looks for. The panel itself is in ``RadiogenomicsLib``.

This file is also read by Python 3.9, of 3D Slicer 5.8, to say that it is too old for the panel.
"""

from __future__ import annotations

import sys
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

OLDEST_PYTHON = (3, 10)
LIBRARIES = ("RadiogenomicsLib", "gliomics")


class Radiogenomics(ScriptedLoadableModule):
    """Title, category and help of the module."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "Radiogenomics"
        self.parent.categories = ["Gliomics"]
        self.parent.dependencies = ["Segmentations", "Volumes", "Tables", "Markups"]
        self.parent.contributors = ["Gliomics maintainers"]
        self.parent.helpText = _(
            "Segments gliomas on MRI, computes radiomic features of a segment and estimates its molecular subtype, on "
            "a Gliomics server. Corrected segmentations go back to the server as training labels. Step by step: "
            "docs/reference/slicer.md of the Gliomics repository."
            "<p>Keys, while the module is chosen and Annotate is on: <b>A</b> Add lesion, <b>D</b> Remove, "
            "<b>N</b> next slice of those that were asked for, <b>Ctrl+Return</b> Submit and next. Keys of the Segment "
            "Editor: <b>Z</b> undo, <b>Y</b> redo, <b>1</b> to <b>9</b> and <b>0</b> choose an effect, <b>Space</b> "
            "the last effect, <b>Esc</b> none, <b>Q</b> and <b>W</b> the segment before and the next one.</p>"
            "<p>For research use only; not a medical device and not for diagnosis or treatment decisions.</p>"
        )
        self.parent.acknowledgementText = _("Built on 3D Slicer, MONAI Label and PyRadiomics.")
        if sys.version_info >= OLDEST_PYTHON:
            slicer.app.connect("startupCompleted()", registerSampleData)


class RadiogenomicsWidget(ScriptedLoadableModuleWidget):
    """Hosts the panel."""

    def __init__(self, parent: Any = None) -> None:
        self.panel: Any = None  # the base class calls setup() itself when it gets no parent
        ScriptedLoadableModuleWidget.__init__(self, parent)

    def setup(self) -> None:
        """Build the panel from its ``.ui`` files."""
        ScriptedLoadableModuleWidget.setup(self)
        if sys.version_info < OLDEST_PYTHON:
            text = _(
                "The Radiogenomics panel needs 3D Slicer 5.10 or newer; this is 3D Slicer {version} with Python "
                "{python}."
            )
            python = "{}.{}".format(*sys.version_info[:2])
            label = qt.QLabel(text.format(version=slicer.app.applicationVersion, python=python))
            label.wordWrap = True
            self.layout.addWidget(label)
            return
        findLibrary()
        from RadiogenomicsLib.panel.uifiles import loadWidgets
        from RadiogenomicsLib.panel.widget import RadiogenomicsPanel
        from RadiogenomicsLib.scene.logic import RadiogenomicsLogic
        from RadiogenomicsLib.server.backends import ServerBackend

        widgets = loadWidgets(self.resourcePath("UI"))
        self.layout.addWidget(widgets.frame)
        self.panel = RadiogenomicsPanel(widgets, RadiogenomicsLogic(), ServerBackend)

    def enter(self) -> None:
        """The module was chosen."""
        if self.panel is not None:
            self.panel.enter()

    def exit(self) -> None:
        """Another module was chosen."""
        if self.panel is not None:
            self.panel.exit()

    def cleanup(self) -> None:
        """The module is being unloaded or reloaded."""
        if self.panel is not None:
            self.panel.cleanup()
            self.panel = None

    def onReload(self) -> None:
        """Reload the panel's own files too; the base class reloads this one."""
        for name in [name for name in sys.modules if name.split(".")[0] in LIBRARIES]:
            del sys.modules[name]
        ScriptedLoadableModuleWidget.onReload(self)


class RadiogenomicsTest(ScriptedLoadableModuleTest):
    """Runs ``Testing/Python/RadiogenomicsSelfTest.py`` in the application ("Reload and Test")."""

    def runTest(self) -> None:
        """Fail with the output of the first test that failed."""
        findLibrary()
        path = Path(__file__).resolve().parent / "Testing" / "Python" / "RadiogenomicsSelfTest.py"
        module = ModuleType(path.stem)
        SourceFileLoader(path.stem, str(path)).exec_module(module)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
        problems = [text for _test, text in result.failures + result.errors]
        self.assertFalse(problems, "\n".join(problems))
        self.assertGreater(result.testsRun, 0)


def registerSampleData() -> None:
    """Offer a synthetic study in the module *Sample Data*, which is there when the application has started."""
    from RadiogenomicsLib import sampledata

    sampledata.register(Path(__file__).resolve().parent)


def findLibrary() -> None:
    """Let ``gliomics`` be imported: the installed extension has it beside this file, a checkout has it in ``lib/``."""
    folder = Path(__file__).resolve().parent
    library = str(folder.parents[1] / "lib")
    if not (folder / "gliomics").is_dir() and (Path(library) / "gliomics").is_dir() and library not in sys.path:
        sys.path.append(library)
