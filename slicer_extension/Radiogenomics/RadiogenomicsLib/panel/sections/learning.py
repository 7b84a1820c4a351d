"""The section *Learn*: train a model, see how it goes and what came of it, and put an earlier version in use again."""

from __future__ import annotations

from datetime import datetime

from slicer.i18n import tr as _

from gliomics.client import ClientError
from RadiogenomicsLib.panel import facts
from RadiogenomicsLib.panel.controller import Controller, PanelContext
from RadiogenomicsLib.panel.display.views import Views
from RadiogenomicsLib.panel.jobrunner import shown
from RadiogenomicsLib.panel.manage.learnview import LearnView
from RadiogenomicsLib.panel.manage.watcher import Question, Watcher
from RadiogenomicsLib.panel.view.palette import coloursOf
from RadiogenomicsLib.panel.view.writer import Writer
from RadiogenomicsLib.scene.display import layouts
from RadiogenomicsLib.scene.display.curve import hasCurve, plotCurve, removeCurve
from RadiogenomicsLib.server.learning import Epoch, LearningServer, Outlook
from RadiogenomicsLib.wording import errorInWords


class Learning(Controller):
    """Binds its widgets, and asks the server how the training goes while they are shown."""

    def __init__(self, context: PanelContext, views: Views) -> None:
        super().__init__(context)
        self._views = views
        self._facts = context.model.learning
        self._view = LearnView(context.ui, Writer())
        self._watcher = Watcher(self.runner, self.onOutlook, self.onSilence)
        self._isEntered = True
        self._plotted: tuple[str, tuple[Epoch, ...]] | None = None
        ui, connect = self._ui, self._subscriptions.connect
        connect(ui.trainerSelector, "currentIndexChanged(int)", self.onTrainer)
        connect(ui.trainButton, "clicked(bool)", self.onTrain)
        connect(ui.stopTrainingButton, "clicked(bool)", self.onStop)
        connect(ui.curveButton, "clicked(bool)", self.onCurve)
        connect(ui.versionsTable, "itemSelectionChanged()", self.onVersion)
        connect(ui.publishReasonEdit, "textEdited(QString)", self.onReason)
        connect(ui.publishReasonEdit, "returnPressed()", self.onPublish)
        connect(ui.publishButton, "clicked(bool)", self.onPublish)

    def enter(self) -> None:
        """The module was chosen."""
        self._isEntered = True

    def exit(self) -> None:
        """Another module was chosen: nothing is asked until the user comes back."""
        self._isEntered = False
        self._watcher.watch(None)

    def cleanup(self) -> None:
        """Leave no timer and no thread."""
        self._watcher.stop()

    def server(self) -> LearningServer:
        """The server of the connection, asked by this section alone."""
        url = self._model.connectedUrl
        return LearningServer(url, self._model.tokenFor(url), self._model.annotator)

    def update(self) -> None:
        """After any change: show what is known, and ask on or no longer."""
        info = self._model.info
        trainers = info.trainers if info is not None else ()
        name = self._facts.modelName if self._facts.modelName in trainers else next(iter(trainers), "")
        self._facts.ask(self._model.connectedUrl if info is not None else "", name)
        self._watcher.watch(self._question())
        if self._model.mode == facts.MANAGE:
            colours = coloursOf(self._ui.learnContents.window())
            self._view.show(self._model, self._facts, self._ui.publishReasonEdit.text, colours)
        self._showCurve()

    def askNow(self) -> None:
        """Ask at once, after something was changed on the server."""
        self._watcher.askNow()

    def _question(self) -> Question | None:
        """What the server is asked again and again; None while nobody looks or nobody can answer."""
        isShown = self._isEntered and self._model.mode == facts.MANAGE
        if not isShown or not self._facts.server or not self._facts.modelName:
            return None
        url, name = self._model.connectedUrl, self._facts.modelName
        key = (url, self._model.tokenFor(url), self._model.annotator, name)
        server = self.server()
        return Question(key, lambda: server.look(name, self._facts.versionsOf), server.interrupt)

    def onOutlook(self, outlook: Outlook) -> None:
        """The server answered."""
        if outlook.training.model == self._facts.modelName and self._facts.answered(outlook):
            self._onChanged()

    def onSilence(self, error: Exception) -> None:
        """The server did not answer, or refused to; it is asked again."""
        url = self._model.connectedUrl
        reason = errorInWords(error, withToken=bool(self._model.tokenFor(url)))
        status = error.status if isinstance(error, ClientError) else 0
        if status in (404, 405):
            reason = _(
                "This server tells nothing of its trainings: it is older than this panel, or no Gliomics server."
            )
        self._facts.silent(reason, datetime.now(), isRefusal=status > 0)
        self._onChanged()

    # Actions

    @shown
    def onTrainer(self, index: int) -> None:
        """Another model was chosen."""
        name = self._ui.trainerSelector.itemData(index)
        if name:
            self._facts.ask(self._facts.server, str(name))
            self._onChanged()

    @shown
    def onTrain(self) -> None:
        """Begin a training of the chosen model; the server goes on with it whatever becomes of this panel."""
        reason, name, server = self._facts.trainReason, self._facts.modelName, self.server()
        if self._isRefused(reason):
            return

        def onResult(_answer: None) -> None:
            self._model.jobFinished(_("The training of '{model}' began.").format(model=name))
            self._onChanged()
            self.askNow()

        self.runner.start(facts.TRAIN, lambda job: server.train(name), onResult, backend=server)

    @shown
    def onStop(self) -> None:
        """Stop the training that runs."""
        server = self.server()
        if self._isRefused(self._facts.stopReason):
            return

        def onResult(wasStopped: bool) -> None:
            text = _("The training was stopped.") if wasStopped else _("The training had ended already.")
            self._model.jobFinished(text)
            self._onChanged()
            self.askNow()

        self.runner.start(facts.STOP_TRAINING, lambda job: server.stop(), onResult, backend=server)

    @shown
    def onVersion(self) -> None:
        """Another version was chosen in the table."""
        row = self._ui.versionsTable.currentRow()
        if 0 <= row < len(self._facts.versions):
            self._facts.versionNumber = self._facts.versions[row].number
            self._onChanged()

    @shown
    def onReason(self) -> None:
        """The reason to publish was typed."""
        self._onChanged()

    @shown
    def onPublish(self) -> None:
        """Put the chosen version in use again."""
        version, why, server = self._facts.chosenVersion, self._ui.publishReasonEdit.text.strip(), self.server()
        name = self._facts.modelName
        if version is None or self._isRefused(self._facts.publishReason(why)):
            return

        def onResult(_answer: None) -> None:
            self._ui.publishReasonEdit.clear()
            self._facts.versionsOf = ""
            self._model.jobFinished(
                _("Version {number} of '{model}' is in use now.").format(number=version.number, model=name)
            )
            self._onChanged()
            self.askNow()

        number = version.number
        self.runner.start(facts.PUBLISH, lambda job: server.publish(name, number, why), onResult, backend=server)

    def _isRefused(self, reason: str) -> bool:
        reason = self._model.trainingReason or reason
        if reason:
            self.runner.fail(reason)
        return bool(reason)

    # Curve

    @shown
    def onCurve(self) -> None:
        """Show the curve in place of the views, or these again."""
        isShown = layouts.arrangement() == layouts.CURVE_LAYOUT
        if layouts.layoutNode() is not None:
            self._views.choose(0 if isShown else layouts.CURVE_LAYOUT)
        self._onChanged()

    def _showCurve(self) -> None:
        isShown = layouts.arrangement() == layouts.CURVE_LAYOUT
        self._write(self._ui.curveButton, checked=isShown)
        curve = self._facts.training.progress.curve if self._facts.training is not None else ()
        if not isShown:
            if self._plotted is not None:
                removeCurve()
                self._plotted = None
        elif self._plotted != (self._facts.modelName, curve) or not hasCurve():
            self._plotted = self._facts.modelName, curve
            plotCurve(curve, _("Training of {model}").format(model=self._facts.modelName))
