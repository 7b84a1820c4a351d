"""Which sections are shown, in which order, and which are folded to one line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.facts import ANNOTATE, MANAGE, MODES
from RadiogenomicsLib.panel.uifiles import SECTIONS, PanelWidgets
from RadiogenomicsLib.panel.view.writer import Writer
from RadiogenomicsLib.panel.viewmodel import PanelModel
from RadiogenomicsLib.sequences import SEQUENCES, TITLES
from RadiogenomicsLib.server.backends import hostOf

_ANNOTATING = ("Server", "Study", "Volumes", "Segmentation", "Refine", "Submit", "Views")
_BEFORE_RESULT = ("Server", "Volumes", "Segmentation", "Patient", "Results", "Refine", "Views")
_MANAGING = ("Server", "Review", "Learn", "Leases", "Views")
_WITH_RESULT = ("Server", "Results", "Patient", "Volumes", "Segmentation", "Refine", "Views")


def order(model: PanelModel) -> tuple[str, ...]:
    """The sections that are shown, from the top: the result comes first when there is one.

    Files are made by a server, so there is nothing to export without one.
    """
    if model.mode == MANAGE:
        return _MANAGING
    reading = _BEFORE_RESULT if model.result is None else _WITH_RESULT
    sections: tuple[str, ...] = _ANNOTATING if model.mode == ANNOTATE else reading
    if not model.subtypeModels:
        sections = tuple(name for name in sections if name != "Patient")
    return (*sections, "Export") if model.info is not None else sections


@dataclass(frozen=True)
class _Fold:
    """How a section is when its step is done.

    ``occasion`` changes when the section is to be folded or unfolded anew; until then the user's own choice stays.
    ``line`` is its title while it is folded.
    """

    isFolded: bool
    line: str = ""
    occasion: str = ""


def _server(model: PanelModel) -> _Fold:
    if model.info is None:
        return _Fold(isFolded=False)
    if model.localServer is not None and model.localServer.url == model.connectedUrl:
        return _Fold(
            True, _("Server here: {folder} \u00b7 change").format(folder=model.localServer.name), model.connectedUrl
        )
    host = hostOf(model.connectedUrl).split("://")[-1]
    return _Fold(True, _("Connected to {host} · change").format(host=host), model.connectedUrl)


def _study(model: PanelModel) -> _Fold:
    studyId = model.selection.studyId
    return _Fold(bool(studyId), _("Study {study} · take another").format(study=studyId), studyId)


def _volumes(model: PanelModel) -> _Fold:
    selection = model.selection
    titles = ", ".join(TITLES[sequence] for sequence in SEQUENCES if sequence in selection.volumes)
    isFolded = bool(selection.volumes) and bool(selection.isOnServer or selection.segmentationId)
    reason = selection.mixedReason
    return _Fold(
        isFolded and not reason, _("Images: {titles} · change").format(titles=titles), f"{selection.studyId} {reason}"
    )


def _segmentation(model: PanelModel) -> _Fold:
    segment = model.selection.segment
    isFolded = bool(segment) and (model.result is not None if model.mode != ANNOTATE else bool(segment))
    return _Fold(
        isFolded, _("Segment: {segment} · change").format(segment=segment), model.mode + model.selection.segmentationId
    )


def _patient(model: PanelModel) -> _Fold:
    facts = [
        _("age {age}").format(age=model.ageText) if model.ageText else _("age not given"),
        _("prevalence given") if model.prevalence else "",
    ]
    line = _("Patient: {facts} \u00b7 change").format(facts=", ".join(fact for fact in facts if fact))
    return _Fold(True, line, model.mode)


def _refine(model: PanelModel) -> _Fold:
    isFolded = not model.selection.segmentationId or model.mode != ANNOTATE
    return _Fold(isFolded, "Refine", model.mode + model.selection.segmentationId)


def _submit(model: PanelModel) -> _Fold:
    isFolded = not model.selection.segmentationId or model.info is None
    return _Fold(isFolded, _("Hand in the label"), model.selection.segmentationId)


def _views(model: PanelModel) -> _Fold:
    return _Fold(isFolded=True, line="Views", occasion=model.mode)


def _learn(model: PanelModel) -> _Fold:
    return _besides(model, "Review", _("Learn"))


def _review(model: PanelModel) -> _Fold:
    return _besides(model, "Learn", _("Review"))


def _besides(model: PanelModel, other: str, line: str) -> _Fold:
    """Folded while another section is worked in, so that this one has room."""
    isOther = model.section == other
    return _Fold(isOther, line, other if isOther else "")


def _leases(model: PanelModel) -> _Fold:
    count = len(model.learning.leases)
    line = (
        _("1 study is with an annotator")
        if count == 1
        else _("{count} studies are with annotators").format(count=count)
    )
    return _Fold(True, line if count else _("No study is with an annotator"), model.mode)


def _export(model: PanelModel) -> _Fold:
    return _Fold(isFolded=True, line=_("Export"), occasion=model.mode)


_FOLDS: dict[str, Callable[[PanelModel], _Fold]] = {
    "Server": _server,
    "Study": _study,
    "Volumes": _volumes,
    "Segmentation": _segmentation,
    "Patient": _patient,
    "Refine": _refine,
    "Submit": _submit,
    "Export": _export,
    "Views": _views,
    "Learn": _learn,
    "Leases": _leases,
    "Review": _review,
}


class Arrangement:
    """Brings the sections into the order of the mode, and folds them."""

    def __init__(self, widgets: PanelWidgets, writer: Writer) -> None:
        self._widgets = widgets
        self._writer = writer
        self._ui = widgets.byName
        self._order: tuple[str, ...] = ()
        self._folds: dict[str, tuple[bool, str]] = {}
        self._titles = {name: self.room(name).text for name in SECTIONS}
        self.isFolding = False
        """Whether a section is being folded or unfolded by the panel."""

    def room(self, name: str) -> Any:
        """The collapsible part of a section."""
        return getattr(self._ui, f"{name.lower()}Room")

    def show(self, model: PanelModel) -> None:
        """Arrange the sections as the mode and the step want it."""
        for mode in MODES:
            self._writer.set(getattr(self._ui, f"{mode}Button"), checked=model.mode == mode)
        self._sort(order(model))
        for name, fold in _FOLDS.items():
            self._fold(name, fold(model))
        self._writer.set(self.room("Results"), text=model.readingTitle)

    def isOpen(self, name: str) -> bool:
        """Whether a section is shown and not folded."""
        return name in self._order and not self.room(name).collapsed

    def _sort(self, names: tuple[str, ...]) -> None:
        if names == self._order:
            return
        self._order, layout = names, self._ui.sectionsArea.layout()
        for name, section in self._widgets.sections.items():
            section.setVisible(name in names)
        for place, name in enumerate(names):
            section = self._widgets.sections[name]
            layout.removeWidget(section)
            layout.insertWidget(place, section)

    def _fold(self, name: str, fold: _Fold) -> None:
        room = self.room(name)
        if self._folds.get(name) != (fold.isFolded, fold.occasion):
            self._folds[name] = (fold.isFolded, fold.occasion)
            self.isFolding = True
            room.collapsed = fold.isFolded
            self.isFolding = False
        line = fold.line if room.collapsed and fold.isFolded else self._titles[name]
        self._writer.set(room, text=line)
