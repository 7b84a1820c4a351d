"""A reading as rich text. It is worded, rounded and put in order where it is made; here it only gets its looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from slicer.i18n import tr as _

from gliomics.reading.changes import Change
from gliomics.reading.feature_words import WARNING_SIGN
from gliomics.reading.record import CAUTION, WEAK, ClassBar, EstimateReading, Fact, KeyFeature, Reading, VasariReading
from RadiogenomicsLib.panel.view.colours import Colours
from RadiogenomicsLib.panel.view.writer import escape, sentence

_BAR_POINTS = 4


def factsHtml(facts: Iterable[Fact], colours: Colours) -> str:
    """The headline: one line for each fact."""
    rows = "".join(
        f"<tr><td>{_span(escape(fact.name), colours.muted)}&nbsp;&nbsp;</td>"
        f"<td>{_toned(f'<b>{escape(fact.text)}</b>', fact.tone, colours)}</td></tr>"
        for fact in facts
    )
    return f'<table cellspacing="0" cellpadding="0">{rows}</table>' if rows else ""


def factsToolTip(facts: Iterable[Fact]) -> str:
    """How the facts were measured."""
    return "\n".join(f"{fact.name}: {fact.explanation}" for fact in facts if fact.explanation)


def headlineHtml(estimate: EstimateReading, colours: Colours) -> str:
    """One question and its answer. What is weak is grey and called so."""
    answer = f"<b>{escape(estimate.title)}:</b> {escape(estimate.headline)}"
    if estimate.tone == WEAK and "weak" not in estimate.headline.casefold():
        answer = _("{answer} (weak evidence)").format(answer=answer)
    return _toned(answer, estimate.tone, colours)


def estimateHtml(estimate: EstimateReading, colours: Colours) -> str:
    """A bar with its interval for each class, and what to beware of. Bars of what is weak are grey.

    What was joined to an answer above has one bar, for it is shown there already.
    """
    isWeak, shown = estimate.tone == WEAK, estimate.bars[:1] if estimate.part_of else estimate.bars
    bars = "".join(_barRow(bar, colours, isWeak=isWeak or bar.tone == WEAK) for bar in shown)
    table = f'<table width="100%" cellspacing="0" cellpadding="0">{bars}</table>' if bars else ""
    return f"{table}{'<br>'.join(cautionHtml(caution, colours) for caution in estimate.cautions)}"


def detailsHtml(estimate: EstimateReading) -> str:
    """What stands behind the estimate's info button."""
    texts = [*estimate.reasons, estimate.meaning, *estimate.details]
    return "<br>".join(sentence(text) for text in texts if text)


def partsHtml(readings: Mapping[str, Reading], colours: Colours) -> str:
    """Volume and diameters of every part, one line each."""
    titles = (_("Part"), _("Volume"), _("Diameters"))
    head = "".join(f"<td>{_span(title, colours.muted)}&nbsp;&nbsp;</td>" for title in titles)
    rows = ""
    for title, reading in readings.items():
        facts = {fact.name: fact for fact in reading.headline}
        shown = [facts.get("Volume") or facts.get("Size"), facts.get("Diameters")]
        cells = [escape(title), *(escape(fact.text) if fact is not None else "" for fact in shown)]
        rows += f"<tr>{''.join(f'<td>{cell}&nbsp;&nbsp;</td>' for cell in cells)}</tr>"
    return f'<table width="100%" cellspacing="0" cellpadding="1"><tr>{head}</tr>{rows}</table>'


def vasariHtml(vasari: VasariReading, colours: Colours) -> str:
    """The features that the mask tells, one line each, how the place was found, and what is open by its reason."""
    rows = "".join(
        f'<tr><td>{_span(escape(fact.name), colours.muted)}&nbsp;&nbsp;</td><td align="right">'
        f"<b>{escape(fact.text)}</b></td></tr>"
        for fact in vasari.told
    )
    reasons: dict[str, list[str]] = {}
    for fact in vasari.open:
        reasons.setdefault(fact.text, []).append(fact.name)
    lines = [
        _("<b>Open:</b> {names}: {reason}").format(names=escape(", ".join(names)), reason=sentence(reason))
        for reason, names in reasons.items()
    ]
    texts = [f'<table width="100%" cellspacing="0" cellpadding="0">{rows}</table>' if rows else "", escape(vasari.note)]
    return "<br>".join([*filter(None, texts), *(_span(line, colours.muted) for line in lines)])


def cautionHtml(text: str, colours: Colours) -> str:
    """A sentence to beware of."""
    return _span(f"{WARNING_SIGN} {sentence(text)}", colours.caution)


def keyFeaturesHtml(features: Iterable[KeyFeature], colours: Colours) -> str:
    """The few features to look at, with unit, percentile and stability."""
    titles = ("Feature", "Value", "Percentile", "Stability")
    head = "".join(f"<td>{_span(title, colours.muted)}&nbsp;</td>" for title in titles)
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td>{_toned(escape(cell), feature.tone, colours, sign=not place)}&nbsp;&nbsp;</td>"
            for place, cell in enumerate(
                (feature.name, f"{feature.text}", feature.percentile_text, feature.stability_text)
            )
        )
        + "</tr>"
        for feature in features
    )
    return f'<table width="100%" cellspacing="0" cellpadding="1"><tr>{head}</tr>{rows}</table>' if rows else ""


def changesHtml(rows: Iterable[Change], colours: Colours) -> str:
    """What changed between two readings: sizes with their change in words, probabilities, key features."""
    titles = (("", 30), (_("Before"), 25), (_("Now"), 25), (_("Change"), 20))
    head = "".join(f'<td width="{width}%">{_span(title, colours.muted)}</td>' for title, width in titles)
    sizes, others, features = "", "", ""
    for row in rows:
        name, before, after = f"{escape(row.name)}&nbsp;&nbsp;", escape(row.before), f"<b>{escape(row.after)}</b>"
        beside = f'<tr><td>{name}</td><td align="right">{before} \u2192 {after}</td></tr>'
        if row.feature:
            features += beside
        elif row.relative is None:
            others += beside
        else:
            cells = (name, f"{before}&nbsp;&nbsp;", f"{after}&nbsp;&nbsp;", escape(row.text))
            sizes += f"<tr>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"
    if sizes:
        sizes = f"<tr>{head}</tr>{sizes}"
    if features:
        title = _span(_("Key features"), colours.muted)
        features = f'<tr><td colspan="2">{title}</td></tr>{features}'
    texts = [text for text in (sizes, others, features) if text]
    if not texts:
        return _("Nothing that is shown has changed.")
    return "".join(f'<table width="100%" cellspacing="0" cellpadding="0">{text}</table>' for text in texts)


def _barRow(bar: ClassBar, colours: Colours, *, isWeak: bool) -> str:
    colour = colours.muted if isWeak or bar.in_set is False else colours.text
    words = escape(bar.text) + (" excluded" if bar.in_set is False else "")
    return (
        f'<tr><td>{_span(escape(bar.title), colour)}</td><td align="right">{_span(words, colour)}</td></tr>'
        f'<tr><td colspan="2">{_bar(bar, colours.bar(weak=isWeak))}</td></tr>'
    )


def _bar(bar: ClassBar, colours: tuple[str, str, str, str]) -> str:
    """Full up to the interval's low end, then paler at the estimate, and palest at its high end."""
    edges = [0.0, min(bar.low, bar.probability), bar.probability, max(bar.high, bar.probability), 1.0]
    cells, gap = "", f'<span style="font-size:{_BAR_POINTS}pt">&nbsp;</span>'
    for (start, end), colour in zip(pairwise(edges), colours, strict=True):
        width = round(100 * end) - round(100 * start)
        if width > 0:
            cells += f'<td width="{width}%" bgcolor="{colour}">{gap}</td>'
    return f'<table width="100%" cellspacing="0" cellpadding="0"><tr>{cells}</tr></table>'


def _toned(text: str, tone: str, colours: Colours, *, sign: bool = True) -> str:
    if tone == WEAK:
        return _span(text, colours.muted)
    if tone == CAUTION:
        return _span(f"{WARNING_SIGN} {text}" if sign else text, colours.caution)
    return text


def _span(text: str, colour: str) -> str:
    return f'<span style="color:{colour}">{text}</span>'
