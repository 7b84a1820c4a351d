"""Stand-ins for the CTK widgets that the panel and ``slicer.util`` use."""

from __future__ import annotations

from typing import Any, ClassVar

from PySide6 import QtWidgets
from PySide6.QtCore import Property, QRect, Qt, Signal
from PySide6.QtGui import QPainter, QPalette

from harness.pythonqt import asPythonQt

_HEADER = 24


@asPythonQt
class ctkCollapsibleButton(QtWidgets.QWidget):
    """A titled section whose children are hidden while it is collapsed; those hidden before stay hidden after.

    Modelled on ``Libs/Widgets/ctkCollapsibleButton.cpp`` of CTK, as 3D Slicer 5.12 has it.
    """

    SIGNALS: ClassVar[dict[str, str]] = {"contentsCollapsed(bool)": "contentsCollapsed"}
    contentsCollapsed = Signal(bool)
    _text = ""
    _collapsed = False
    _children: ClassVar[list[QtWidgets.QWidget]] = []

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, _HEADER, 0, 0)

    def _getText(self) -> str:
        return self._text

    def _setText(self, text: str) -> None:
        self._text = text
        self.update()

    def _getCollapsed(self) -> bool:
        return self._collapsed

    def _setCollapsed(self, collapsed: bool) -> None:
        changed = collapsed != self._collapsed
        self._collapsed = bool(collapsed)
        self.setMaximumHeight(_HEADER if collapsed else 16777215)
        if changed:
            children = self.findChildren(QtWidgets.QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly)
            if collapsed:
                self._children = [child for child in children if not child.isHidden()]
            for child in self._children:
                child.setVisible(not collapsed)
            self.contentsCollapsed.emit(self._collapsed)

    text = Property(str, _getText, _setText)
    collapsed = Property(bool, _getCollapsed, _setCollapsed)

    def mousePressEvent(self, event: Any) -> None:
        if event.position().y() < _HEADER:
            self._setCollapsed(not self._collapsed)

    def paintEvent(self, event: Any) -> None:
        painter = QPainter(self)
        painter.fillRect(0, 0, self.size.width(), _HEADER - 2, self.palette.color(QPalette.ColorRole.Button))
        painter.setPen(self.palette.color(QPalette.ColorRole.ButtonText))
        font = painter.font()
        font.setBold(True)
        painter.setFont(font)
        title = ("\u25b8 " if self._collapsed else "\u25be ") + self._text
        painter.drawText(QRect(8, 0, self.size.width() - 16, _HEADER - 2), Qt.AlignmentFlag.AlignVCenter, title)
        painter.end()


@asPythonQt
class ctkMessageBox(QtWidgets.QMessageBox):
    """A dialog that does not block: it takes the next of the test's answers, and raises if there is none.

    Stands for ``Libs/Widgets/ctkMessageBox.cpp`` of CTK without its box to not show the message again.
    """

    answers: ClassVar[list[Any]] = []
    shown: ClassVar[list[str]] = []

    def exec_(self) -> Any:
        ctkMessageBox.shown.append(self.text)
        if not ctkMessageBox.answers:
            raise AssertionError(f"a dialog was shown that the test did not expect: {self.text}")
        return ctkMessageBox.answers.pop(0)
