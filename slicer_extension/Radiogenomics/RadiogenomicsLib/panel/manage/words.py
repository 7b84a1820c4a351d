"""Trainings, verdicts, versions and leases in words. Pure Python: no Qt, no MRML."""

from __future__ import annotations

from slicer.i18n import tr as _

from RadiogenomicsLib.panel.manage.facts import LearningFacts
from RadiogenomicsLib.panel.view.writer import escape, sentence
from RadiogenomicsLib.server.learning import (
    FAILED,
    FINISHED,
    INTERRUPTED,
    RUNNING,
    Figure,
    Lease,
    Progress,
    Training,
    Verdict,
    Version,
)

MOST_SKIPPED = 5
"""Studies left out that are listed by name."""
_NAMES = {"dice": _("mean Dice"), "mean_dice": _("mean Dice"), "median_dice": _("median Dice"), "auc": "AUC"}
"""Figures of merit as they are called among people."""
_TIME, _DATE = "%H:%M", "%Y-%m-%d"


def basisLine(training: Training) -> str:
    """How many studies there are to train on."""
    count, new = training.labelled, training.progress.newLabels
    texts = [_("1 study is labelled.") if count == 1 else _("{count} studies are labelled.").format(count=count)]
    if training.partlyLabelled:
        texts.append(_("Of {count} more some slices are.").format(count=training.partlyLabelled))
    if training.withOutcome is not None:
        texts.append(_("The outcome is known of {count}.").format(count=training.withOutcome))
    if training.progress.state and new:
        texts.append(_("New since the last training: {count}.").format(count=new))
    elif training.progress.state:
        texts.append(_("None is new since the last training."))
    return " ".join(texts)


def trainingLine(facts: LearningFacts) -> str:
    """What goes on, or how the last training ended; empty where there is nothing to say beside the verdict."""
    training = facts.training
    if facts.silence:
        return silenceLine(facts)
    if training is None:
        return ""
    if training.running is not None:
        return _runningLine(training)
    progress = training.progress
    if progress.state == FAILED:
        return _("The training failed: {reason}. Mend that, then press Train again.").format(
            reason=progress.reason.rstrip(".")
        )
    if progress.state == INTERRUPTED:
        return _("The training did not end: {reason}. The model is as before; Train begins anew.").format(
            reason=progress.reason.rstrip(".")
        )
    return ""


def silenceLine(facts: LearningFacts) -> str:
    """That the server does not answer, and what becomes of a training meanwhile."""
    since = facts.silentSince.strftime(_TIME) if facts.silentSince is not None else ""
    if facts.isRefusal:
        return facts.silence
    text = _("No answer since {time}: {reason}. It is asked again every few seconds.").format(
        time=since, reason=facts.silence.rstrip(".")
    )
    return " ".join([text, _("A training ends with its server.")]) if facts.isRunning else text


def _runningLine(training: Training) -> str:
    running, progress = training.running, training.progress
    assert running is not None
    who = running.user or _("the server itself")
    if running.model != training.model:
        return _("The model {model} is being trained for {user} since {time}; one training runs at a time.").format(
            model=running.model, user=who, time=running.since.strftime(_TIME)
        )
    doing = _stepLine(progress) if progress.state == RUNNING else _("about to begin")
    if progress.state != RUNNING and running.hasBegun:
        doing = _("about to end")
    return _("Training for {user} since {time}: {doing}.").format(
        user=who, time=running.since.strftime(_TIME), doing=doing
    )


def _stepLine(progress: Progress) -> str:
    if not progress.total:
        return _("reading images and labels")
    if progress.doing:
        steps = {"measuring": _("measuring the labels"), "fitting": _("fitting the model")}
        doing = steps.get(progress.doing, progress.doing)
        text = _("{doing}, {done} of {total}").format(doing=doing, done=progress.done, total=progress.total)
    else:
        text = _("epoch {done} of {total}").format(done=progress.done, total=progress.total)
    if progress.secondsLeft is None:
        return text
    return _("{step}, {time} left").format(step=text, time=duration(progress.secondsLeft))


def duration(seconds: float) -> str:
    """So many seconds, as people say it."""
    if seconds < 60:
        return _("less than a minute")
    minutes = round(seconds / 60)
    if minutes < 90:
        return _("about 1 minute") if minutes == 1 else _("about {count} minutes").format(count=minutes)
    return _("about {count} hours").format(count=round(minutes / 60))


def verdictSentence(progress: Progress, champion: str, score: str) -> str:
    """Which version won, by how much, over whom, and which is in use.

    ``champion`` is the version compared with, and ``score`` the name of what they were compared by.
    """
    verdict = progress.verdict
    if progress.state != FINISHED or verdict is None:
        return ""
    new, old = progress.version, champion or _("the one before")
    sentences = {
        "better": _("Version {new} is better than version {old} and is in use now: {figures}."),
        "not_better": _("Version {new} is not better than version {old}, which stays in use: {figures}."),
        "too_few_patients_to_tell": _(
            "Too few patients to tell whether version {new} is better than version {old}, which stays in use: "
            "{figures}."
        ),
        "another_version_serves": _(
            "Version {new} is better than version {old}, but another version was put in use while it learned, and "
            "stays: {figures}."
        ),
        "no_better_than_chance": _(
            "Version {new} is better than version {old}, but not shown to be better than chance, so version {old} "
            "stays in use: {figures}."
        ),
    }
    outcome = verdict.outcome.replace(" ", "_")
    if outcome not in sentences:
        return sentence(progress.reason)
    return sentences[outcome].format(new=new, old=old, figures=_figures(verdict, score))


def _figures(verdict: Verdict, score: str) -> str:
    """The difference with its interval, or how many patients it takes."""
    texts = []
    if verdict.gain is not None and verdict.patients:
        text = _("{score} {gain}").format(score=score, gain=_signed(verdict.gain))
        if verdict.low is not None and verdict.high is not None:
            text = _("{score} {gain} (95 % interval {low} to {high})").format(
                score=score, gain=_signed(verdict.gain), low=_signed(verdict.low), high=_signed(verdict.high)
            )
        texts.append(text + " " + overPatients(verdict.patients))
    if verdict.needed is not None:
        texts.append(_("about {count} new patients would do").format(count=verdict.needed))
    return ", ".join(texts) or _("there was nobody to compare them on")


def overPatients(count: int) -> str:
    """On whom something was found."""
    return _("on 1 patient new to both") if count == 1 else _("on {count} patients new to both").format(count=count)


def verdictDetails(progress: Progress) -> str:
    """What the server says of it, how versions are compared, and which studies were left out; as HTML."""
    lines = [
        sentence(progress.reason),
        escape(
            _(
                "A new version is kept in any case, and put in use only if it is better on patients from whom neither "
                "version has learned: the whole 95 % interval of the difference is above 0, over five patients or more."
            )
        ),
    ]
    skipped = list(progress.skipped.items())
    lines += [
        escape(_("Left out: {study}, {reason}").format(study=study, reason=reason))
        for study, reason in skipped[:MOST_SKIPPED]
    ]
    if len(skipped) > MOST_SKIPPED:
        lines.append(escape(_("And {count} more were left out.").format(count=len(skipped) - MOST_SKIPPED)))
    return "<br>".join(lines)


def versionCells(version: Version) -> tuple[str, str, str, str]:
    """A row of the table: version, when it was made, patients, and its first figure."""
    number = _("{number} (in use)").format(number=version.number) if version.serves else version.number
    if version.damage:
        return number, "", "", _("damaged")
    made = version.made.strftime(_DATE) if version.made is not None else ""
    patients = "" if version.patients is None else str(version.patients)
    return number, made, patients, _figureText(version.figures[0]) if version.figures else "\u2013"


def versionText(version: Version) -> str:
    """All that there is to tell of a version."""
    if version.damage:
        return sentence(version.damage)
    made = version.made.strftime(f"{_DATE} {_TIME}") if version.made is not None else "?"
    texts = [_("Version {number} was made {time}").format(number=version.number, time=made)]
    if version.parent:
        texts[0] += _(" from version {parent}").format(parent=version.parent)
    if version.patients is not None:
        texts.append(_("it learned from {count} patients").format(count=version.patients))
    texts += [
        _("{name} {figure} on {count} patients").format(
            name=_NAMES.get(figure.name, figure.name), figure=_figureText(figure), count=figure.patients
        )
        for figure in version.figures
    ]
    lines = [sentence("; ".join(texts))]
    if version.reason:
        lines.append(sentence(version.reason))
    lines += [
        sentence(
            _("put in use {time}: {reason}").format(
                time=when.strftime(f"{_DATE} {_TIME}") if when is not None else "?", reason=reason
            )
        )
        for when, reason in version.published
    ]
    return "<br>".join(lines)


def publishEffect(version: Version, official: Version | None) -> str:
    """What changes when a version is put in use again."""
    if official is None:
        return _("From then on version {number} serves. Nothing is removed.").format(number=version.number)
    return _(
        "From the next request on version {number} serves instead of version {official}. Nothing is removed."
    ).format(number=version.number, official=official.number)


def leaseLine(lease: Lease, user: str) -> str:
    """Who has a study until when."""
    who = _("you") if user and lease.user == user else lease.user
    return _("{study}: {user}, until {time}").format(study=lease.study, user=who, time=lease.until.strftime(_TIME))


def heldSentence(lease: Lease) -> str:
    """That somebody else has a study."""
    return _("{user} has this study until {time}: agree on who labels it.").format(
        user=lease.user, time=lease.until.strftime(_TIME)
    )


def _figureText(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return f"{figure.value:.2f}"
    return _("{value} ({low} to {high})").format(
        value=f"{figure.value:.2f}", low=f"{figure.low:.2f}", high=f"{figure.high:.2f}"
    )


def _signed(value: float) -> str:
    return f"{value:+.3f}".replace("-", "\u2212")
