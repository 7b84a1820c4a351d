"""What the list of studies says, in words. Pure Python: no Qt, no MRML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from slicer.i18n import tr as _

from RadiogenomicsLib.server.reviews import (
    APPROVED,
    PARTIAL,
    RETURNED,
    SUBMITTED,
    UNLABELLED,
    ReviewedStudy,
)

STATE_TITLES = {
    SUBMITTED: _("To review"),
    RETURNED: _("Sent back"),
    PARTIAL: _("In part"),
    UNLABELLED: _("No label"),
    APPROVED: _("Approved"),
}
COLUMNS = (_("Study"), _("State"), _("Annotator"), _("Label"), _("Dice"))
_COUNTED = {
    SUBMITTED: _("{count} to review"),
    RETURNED: _("{count} sent back"),
    APPROVED: _("{count} approved"),
    PARTIAL: _("{count} in part"),
    UNLABELLED: _("{count} without a label"),
}


def counts(studies: Sequence[ReviewedStudy]) -> str:
    """How many studies are in which state: those of a reviewer always, the others where there are some."""
    numbers = Counter(study.state for study in studies)
    named = [state for state in _COUNTED if numbers[state] or state in (SUBMITTED, RETURNED, APPROVED)]
    return ", ".join(_COUNTED[state].format(count=numbers[state]) for state in named)


def cells(study: ReviewedStudy) -> tuple[str, ...]:
    """A study's row in the list."""
    dice = study.leastAgreement
    return (
        study.studyId,
        STATE_TITLES[study.state],
        study.user,
        _label(study),
        "" if dice is None else f"{dice:.2f}",
    )


def matches(study: ReviewedStudy, words: Sequence[str], state: str) -> bool:
    """Whether a study has this state (any where it is empty) and all of these words, in whatever case."""
    said = [*cells(study), study.patientId, study.reviewer, study.comment]
    text = " ".join(said).casefold()
    return state in ("", study.state) and all(word.casefold() in text for word in words)


def details(study: ReviewedStudy) -> str:
    """All that is known of a study's label, in sentences."""
    return " ".join(part for part in (_saved(study), decision(study), *_agreements(study)) if part)


def decision(study: ReviewedStudy) -> str:
    """What a reviewer said; empty where nobody did."""
    by = study.reviewer or _("an unnamed reviewer")
    if study.state == RETURNED:
        return _("Sent back by {reviewer}: {comment}").format(reviewer=by, comment=_ended(study.comment))
    if study.state != APPROVED:
        return ""
    own = _("Approved by {reviewer}, who drew it.").format(reviewer=by)
    said = own if study.isOwn else _("Approved by {reviewer}.").format(reviewer=by)
    return f"{said} {_ended(study.comment)}".strip()


def _saved(study: ReviewedStudy) -> str:
    if study.state == UNLABELLED:
        return _("It has no label.")
    by, on = study.user or _("nobody who gave a name"), study.saved[:16].replace("T", " ")
    if study.version is None:
        return _("Its label was put into the server's folder by hand.")
    if study.state == PARTIAL:
        return _("Some slices are drawn: version {version} by {user}, {date} (UTC).").format(
            version=study.version, user=by, date=on
        )
    return _("Version {version} by {user}, {date} (UTC).").format(version=study.version, user=by, date=on)


def _agreements(study: ReviewedStudy) -> list[str]:
    sentences = []
    for pair in study.agreements:
        names = {"first": pair.first, "second": pair.second}
        if pair.dice is not None:
            sentences.append(_("Dice of {first} and {second}: {dice}.").format(dice=f"{pair.dice:.2f}", **names))
        elif pair.reason:
            sentences.append(
                _("{first} and {second} cannot be compared: {reason}.").format(reason=pair.reason, **names)
            )
        else:
            sentences.append(_("{first} and {second} are being compared: list the studies again.").format(**names))
    return sentences


def _label(study: ReviewedStudy) -> str:
    if study.version is None:
        return "" if study.state == UNLABELLED else _("by hand")
    return _("v{version}, {date}").format(version=study.version, date=study.saved[:10])


def _ended(text: str) -> str:
    return text + ("" if not text or text[-1] in ".!?" else ".")
