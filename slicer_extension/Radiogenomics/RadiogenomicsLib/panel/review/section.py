"""The list of studies of a server, and what is decided on the label of the one that is open."""

from __future__ import annotations

import functools
from dataclasses import replace

from slicer.i18n import tr as _

from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.arrival import addVolumes
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.jobrunner import Steps, shown
from RadiogenomicsLib.panel.manage.words import heldSentence
from RadiogenomicsLib.panel.review.disagreement import Disagreement
from RadiogenomicsLib.panel.review.table import StudyTable
from RadiogenomicsLib.panel.review.words import STATE_TITLES, counts, details
from RadiogenomicsLib.panel.sections.labels import Labels
from RadiogenomicsLib.panel.view.writer import Writer, escape
from RadiogenomicsLib.panel.viewmodel import Action
from RadiogenomicsLib.scene.display.disagreement import jumpTo
from RadiogenomicsLib.scene.finished import FinishedStudies, studiesOfScene
from RadiogenomicsLib.server import reviewcalls
from RadiogenomicsLib.server.learning import Lease
from RadiogenomicsLib.server.reviews import APPROVED, RETURNED, SUBMITTED, ReviewedStudy, nextToReview
from RadiogenomicsLib.server.savedlabels import SavedLabel

_DECISIONS = (SUBMITTED, APPROVED, RETURNED)
"""States of labels on which can be decided; one that was decided on can be decided on anew."""


class ReviewSection(Controller):
    """Binds the list and the buttons. What is decided on is the version that was opened, and no later one."""

    def __init__(self, context: PanelContext, labels: Labels, finished: FinishedStudies) -> None:
        super().__init__(context)
        self._writer = Writer()
        self._labels, self._finished = labels, finished
        self._table = StudyTable(self._ui.reviewTable)
        self._studies: tuple[ReviewedStudy, ...] = ()
        self._listedUrl = ""
        self._opened: ReviewedStudy | None = None
        """The study on display with the version of its label that was loaded."""
        self._openedId = ""
        """The study on display, whose labels can be compared."""
        self.disagreement = Disagreement(context)
        titles = [(_("All studies"), ""), *((title, state) for state, title in STATE_TITLES.items())]
        self._writer.fill(self._ui.reviewStateSelector, titles, "")
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.reviewListButton, "clicked(bool)", self.onList)
        connect(ui.reviewStateSelector, "currentIndexChanged(int)", self.onFilter)
        connect(ui.reviewFilterEdit, "textChanged(QString)", self.onFilter)
        connect(ui.reviewCommentEdit, "textChanged(QString)", self.onComment)
        connect(ui.reviewTable, "itemSelectionChanged()", self.onSelected)
        connect(ui.reviewTable, "cellDoubleClicked(int,int)", self.onOpen)
        connect(ui.reviewOpenButton, "clicked(bool)", self.onOpen)
        connect(ui.acceptButton, "clicked(bool)", self.onAccept)
        connect(ui.sendBackButton, "clicked(bool)", self.onSendBack)

    # What is shown

    def update(self) -> None:
        """After any change: forget what another server said, and say what can be done."""
        model, ui = self._model, self._ui
        if self._listedUrl and (model.info is None or model.connectedUrl != self._listedUrl):
            self._forget()
        if self._openedId and self._openedId not in studiesOfScene():
            self._opened, self._openedId = None, ""
        text = counts(self._studies) if self._listedUrl else _("The studies of the server are not listed yet.")
        self._writer.set(ui.reviewCounts, text=text)
        study = self._table.selected()
        for widget in (ui.reviewTable, ui.reviewStateSelector, ui.reviewFilterEdit, ui.reviewCommentEdit):
            self._writer.set(widget, visible=bool(self._listedUrl))
        self._writer.text(ui.reviewDetails, "" if study is None else _described(study))
        self._enable(study)
        isOpen = study is not None and study.studyId == self._openedId
        self.disagreement.update(self._openedId if isOpen else "")

    def _enable(self, study: ReviewedStudy | None) -> None:
        enable, ui = self._writer.enable, self._ui
        enable(
            ui.reviewListButton, self._canList(), _("Ask the server for its studies and what became of their labels.")
        )
        enable(ui.reviewOpenButton, self._canOpen(study), _("Load the study's images and its label."))
        decidable = self._canDecide(study)
        enable(ui.acceptButton, decidable, _("The label is good: models learn from it."))
        comment = "" if ui.reviewCommentEdit.text.strip() else _("Write what is to be done, then send it back.")
        sendable = Action(decidable.enabled and not comment, decidable.reason or comment)
        enable(ui.sendBackButton, sendable, _("The annotator gets the study again, with what you wrote."))
        for button in (ui.reviewOpenButton, ui.acceptButton, ui.sendBackButton):
            self._writer.set(button, visible=bool(self._listedUrl))
        says = bool(self._listedUrl) and study is not None and not self._model.isBusy
        self._writer.text(ui.reviewHint, decidable.reason if says else "")

    def _canList(self) -> Action:
        reason = self._busy() or ("" if self._model.info is not None else _("Connect to a server first."))
        return Action(not reason, reason)

    def _canOpen(self, study: ReviewedStudy | None) -> Action:
        reason = self._busy() or ("" if study is not None else _("Choose a study in the list."))
        return Action(not reason, reason)

    def _canDecide(self, study: ReviewedStudy | None) -> Action:
        reason = self._canOpen(study).reason
        if not reason and study is not None and study.state not in _DECISIONS:
            reason = _("It has no label of the whole study: there is nothing to decide.")
        if not reason and study is not None and (self._opened is None or self._opened.studyId != study.studyId):
            reason = _("Open the study to decide on its label.")
        return Action(not reason, reason)

    def _busy(self) -> str:
        running = self._model.running if self._model.isBusy else ""
        return _("Wait for '{work}' to end, or cancel it.").format(work=running) if running else ""

    def _forget(self) -> None:
        self._studies, self._listedUrl, self._opened, self._openedId = (), "", None, ""
        self._table.clear()

    def _take(self, studies: tuple[ReviewedStudy, ...]) -> Steps:
        """The studies as the server says they are now."""
        self._studies, self._listedUrl = studies, self._model.connectedUrl
        yield from self._table.fill(studies)
        self._filter()

    def _filter(self) -> None:
        self._table.filter(self._ui.reviewFilterEdit.text, self._ui.reviewStateSelector.currentData)

    # Actions

    @shown
    def onFilter(self) -> None:
        """Words or a state were chosen."""
        self._filter()
        self._onChanged()

    @shown
    def onComment(self) -> None:
        """The comment was changed."""
        self._enable(self._table.selected())

    @shown
    def onSelected(self) -> None:
        """A row was selected."""
        self._onChanged()

    @shown
    def onList(self) -> None:
        """Ask the server for its studies."""
        backend = self.runner.backend()

        def onResult(studies: tuple[ReviewedStudy, ...]) -> Steps:
            yield from self._take(studies)
            if self._table.selected() is None:
                first = nextToReview(studies, "")
                self._table.select(first.studyId if first is not None else "")

        self.runner.start(
            facts.LIST_STUDIES, lambda job: reviewcalls.listStudies(job, backend), onResult, backend=backend
        )

    @shown
    def onOpen(self) -> None:
        """Load the study that is selected, with its label."""
        study = self._table.selected()
        if study is None or not self._canOpen(study).enabled:
            self.runner.fail(self._canOpen(study).reason)
            return
        backend = self.runner.backend()

        def onResult(opened: reviewcalls.OpenedStudy) -> Steps:
            nodes = self._logic.volumesOfStudy(study.studyId)
            yield from addVolumes(self._logic, self._model, opened.images, nodes)
            self._model.labelsByStudy[study.studyId] = opened.images.labels
            self._opened, self._openedId = None, study.studyId
            self._selection.chooseVolumes(nodes, _("Downloaded"))
            self._logic.show(self._selection.firstVolume() or next(iter(nodes.values())))
            yield
            if opened.label is None or opened.mask is None:
                text = _("Study '{study}' is loaded; it has no label.").format(study=study.studyId)
                self._model.jobFinished(text, self._held(opened.images.held))
                return
            segmentation = self._labels.add(study.studyId, opened.label, opened.mask)
            yield
            if self._ui.removeFinishedCheckBox.checked:
                self._finished.remove(exceptStudyId=study.studyId)
            if opened.centre is not None:
                jumpTo(self._logic.referenceVolume(segmentation), opened.centre)
            self._opened = replace(study, version=opened.label.version, user=opened.label.user)
            notices = (*self._held(opened.images.held), *_changedSinceListed(study, self._opened))
            self._model.jobFinished(_loaded(self._opened, opened.label), notices)

        self.runner.start(
            facts.OPEN_STUDY, lambda job: reviewcalls.openStudy(job, backend, study), onResult, backend=backend
        )

    def _held(self, lease: Lease | None) -> tuple[str, ...]:
        """That somebody else labels the study now, if so."""
        return (heldSentence(lease),) if lease is not None and lease.user != self._model.user else ()

    @shown
    def onAccept(self) -> None:
        """The label is good."""
        self._decide(APPROVED, self._ui.reviewCommentEdit.text.strip())

    @shown
    def onSendBack(self) -> None:
        """The label is to be done again."""
        comment = self._ui.reviewCommentEdit.text.strip()
        if comment:
            self._decide(RETURNED, comment)
        else:
            self.runner.fail(_("Write what is to be done, then send it back."))

    def _decide(self, state: str, comment: str) -> None:
        study, opened = self._table.selected(), self._opened
        if not self._canDecide(study).enabled or opened is None:
            self.runner.fail(self._canDecide(study).reason)
            return
        backend = self.runner.backend()
        unsaved = self._finished.unsaved(opened.studyId)

        def onResult(decided: reviewcalls.Decided) -> Steps:
            self._finished.reviewed(opened.studyId)
            self._ui.reviewCommentEdit.clear()
            yield from self._take(decided.studies or _without(self._studies, opened.studyId))
            following = nextToReview(self._studies, opened.studyId)
            self._table.select(following.studyId if following is not None else opened.studyId)
            self._model.jobFinished(_outcome(opened, state, following), _notices(decided, unsaved))

        work = functools.partial(reviewcalls.decide, backend=backend, study=opened, state=state, comment=comment)
        self.runner.start(facts.REVIEW, work, onResult, backend=backend)


def _described(study: ReviewedStudy) -> str:
    """A study in a few lines; its name is the only thing in bold."""
    patient = f" ({escape(study.patientId)})" if study.patientId and study.patientId != study.studyId else ""
    return f"<b>{escape(study.studyId)}</b>{patient}: {escape(details(study))}"


def _loaded(study: ReviewedStudy, label: SavedLabel) -> str:
    return _("Study '{study}' is loaded with its label: {label}.").format(study=study.studyId, label=label.title)


def _changedSinceListed(listed: ReviewedStudy, opened: ReviewedStudy) -> tuple[str, ...]:
    """That another label is on display than the list says, if that is so."""
    if listed.version == opened.version:
        return ()
    note = _("The label was saved again since the studies were listed; this is how it is now.")
    return (note,)


def _outcome(study: ReviewedStudy, state: str, following: ReviewedStudy | None) -> str:
    """What was decided, and what comes next."""
    said = _("The label of '{study}' is accepted.") if state == APPROVED else _("The label of '{study}' is sent back.")
    left = _("Nothing else is to be reviewed.")
    if following is not None:
        left = _("Next to review: '{study}'.").format(study=following.studyId)
    return f"{said.format(study=study.studyId)} {left}"


def _notices(decided: reviewcalls.Decided, unsaved: tuple[str, ...]) -> tuple[str, ...]:
    """What the reviewer should know about a decision."""
    notices = [_("It is your own label: nobody else has looked at it.")] if decided.isOwn else []
    if decided.failure:
        notices.append(_("The studies could not be listed again: {reason}").format(reason=decided.failure))
    if unsaved:
        changed = _("Your changes of {names} are not part of it: submit them under Annotate.")
        notices.append(changed.format(names=", ".join(f"'{name}'" for name in unsaved)))
    return tuple(notices)


def _without(studies: tuple[ReviewedStudy, ...], studyId: str) -> tuple[ReviewedStudy, ...]:
    """The studies but one, of which it is not known how it is now."""
    return tuple(study for study in studies if study.studyId != studyId)
