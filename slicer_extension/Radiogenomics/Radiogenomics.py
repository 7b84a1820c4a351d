"""The Radiogenomics module: what 3D Slicer looks for. The panel itself is in ``RadiogenomicsLib``."""

from __future__ import annotations

import importlib.util
import sys
import unittest
from pathlib import Path
from typing import Any

import slicer
import slicer.util
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)

_FOLDER = Path(__file__).resolve().parent
_CHECKOUT_LIBRARY = _FOLDER.parents[1] / "lib"
if not (_FOLDER / "gliomics").is_dir() and (_CHECKOUT_LIBRARY / "gliomics").is_dir():
    # The installed extension has the library beside this file; a checkout of the repository has it in lib/.
    sys.path.append(str(_CHECKOUT_LIBRARY))


class Radiogenomics(ScriptedLoadableModule):
    """Title, category and help of the module."""

    def __init__(self, parent: Any) -> None:
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = "Radiogenomics"
        self.parent.categories = ["Gliomics"]
        self.parent.dependencies = ["Segmentations", "Volumes", "Tables", "Markups"]
        self.parent.contributors = ["Gliomics maintainers"]
        self.parent.helpText = (
            "Segments gliomas on MRI, computes radiomic features of a segment and estimates its molecular subtype, "
            "on a Gliomics server. Corrected segmentations go back to the server as training labels. "
            "Step by step: docs/reference/slicer.md of the Gliomics repository."
            "<p>For research use only; not a medical device and not for diagnosis or treatment decisions.</p>"
        )
        self.parent.acknowledgementText = "Built on 3D Slicer, MONAI Label and PyRadiomics."


class RadiogenomicsWidget(ScriptedLoadableModuleWidget):
    """Hosts the panel."""

    def __init__(self, parent: Any = None) -> None:
        ScriptedLoadableModuleWidget.__init__(self, parent)
        self.panel: Any = None

    def setup(self) -> None:
        """Build the panel from its ``.ui`` file."""
        ScriptedLoadableModuleWidget.setup(self)
        from RadiogenomicsLib.backends import ServerBackend
        from RadiogenomicsLib.logic import RadiogenomicsLogic
        from RadiogenomicsLib.widget import RadiogenomicsPanel

        uiWidget = slicer.util.loadUI(self.resourcePath("UI/Radiogenomics.ui"))
        self.layout.addWidget(uiWidget)
        self.panel = RadiogenomicsPanel(uiWidget, RadiogenomicsLogic(), ServerBackend)

    def cleanup(self) -> None:
        """The module is being unloaded."""
        if self.panel is not None:
            self.panel.cleanup()


class RadiogenomicsTest(ScriptedLoadableModuleTest):
    """Runs ``Testing/Python/RadiogenomicsSelfTest.py`` in the application ("Reload and Test")."""

    def runTest(self) -> None:
        """Fail with the output of the first test that failed."""
        path = _FOLDER / "Testing" / "Python" / "RadiogenomicsSelfTest.py"
        specification = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(specification)
        specification.loader.exec_module(module)
        result = unittest.TestResult()
        unittest.defaultTestLoader.loadTestsFromModule(module).run(result)
        problems = [text for _, text in result.failures + result.errors]
        self.assertFalse(problems, "\n".join(problems))
        self.assertGreater(result.testsRun, 0, f"{path} has no tests")
