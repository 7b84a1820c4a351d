"""What a scripted module of 3D Slicer needs, outside the application, for tests only.

MRML nodes, the scene, their logics and ``slicer.util`` are the real ones, from the ``slicer-core`` package: so are the
nodes of markups, of the slice views and of the mouse mode. Nothing draws here and there is no mouse: a test adds the
control point that a click in a slice view would add, and looks at the plane that a slice view's node holds.
Stand-ins, written on PySide6, take the place of what only the application has:

- ``qt``, ``ctk`` and the qMRML widgets (:mod:`harness.qt`, :mod:`harness.ctk`, :mod:`harness.qmrml`), used the way
  PythonQt presents them: properties are attributes, ``obj.connect("clicked(bool)", slot)`` connects;
- the ``ScriptedLoadableModule`` base classes and ``slicer.app`` (:mod:`harness.application`);
- ``slicer.i18n`` (:mod:`harness.i18n`) and the module *Sample Data* (:mod:`harness.sampledata`).

A stand-in never accepts what it does not know: an unknown class, attribute, property, signal, slot or dialog raises,
so that a typing error in the panel or its ``.ui`` file is a failing test.
"""

from pathlib import Path

EXTENSION = Path(__file__).resolve().parents[3] / "slicer_extension" / "Radiogenomics"
"""The module's folder."""
