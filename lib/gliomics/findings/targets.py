"""What subtype models ask, and what their classes mean, as radiologists say it.

Clusters of TCGA lower-grade glioma: Brat 2015 (N Engl J Med 372:2481). What the RNASeq clusters mostly are was counted
among those patients of the cohort whose MRI is public, against IDH and codeletion in Ceccarelli 2016 (Cell 164:550).
A target that is not known here keeps its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Target:
    """A question: its ``title``, what it and its classes mean, and the classes in words by their spellings."""

    title: str
    meaning: str = ""
    spellings: dict[str, str] = field(default_factory=dict)

    def class_title(self, name: str) -> str:
        """A class of a model in words; one that is not known keeps its name."""
        return self.spellings.get(_plain(name), name)

    def class_name(self, name: str) -> str:
        """The same without what stands in brackets, for sentences and legends."""
        return self.class_title(name).split(" (")[0]

    @property
    def place(self) -> int:
        """Where the question stands among others: what decides the diagnosis first, those that are not known last."""
        targets = list(_TARGETS.values())
        return targets.index(self) if self in targets else len(targets)


def _spelled(**titles: tuple[str, str]) -> dict[str, str]:
    """The titles of classes by every spelling; each class is given by its title and its spellings."""
    return {spelling: title for title, spellings in titles.values() for spelling in spellings.split()}


_TARGETS = {
    r"who(class)?": Target(
        "WHO class",
        "The three diffuse gliomas of adults that the WHO tells apart by IDH and 1p/19q: one that is IDH wild type is "
        "mostly a glioblastoma, one that is mutant an astrocytoma, or with 1p/19q codeleted an oligodendroglioma.",
        _spelled(
            wild=("IDH wild type", "wildtype"),
            kept=("IDH mutant, not codeleted", "mutantintact"),
            lost=("IDH mutant, codeleted", "mutantcodeleted"),
        ),
    ),
    r"idh[12]*(mutation)?(status)?": Target(
        "IDH",
        "Whether the gene IDH1 or IDH2 is mutated. A diffuse glioma of an adult that is IDH mutant is an astrocytoma "
        "or an oligodendroglioma; one that is IDH wild type is mostly a glioblastoma, whatever it looks like.",
        _spelled(
            mutant=("mutant", "mutant mutated mut idhmutant idhmut"),
            wild=("wild type", "wildtype wt idhwildtype idhwt"),
        ),
    ),
    r"(1p19q)?(co)?del(etion)?(status)?|1p19q(status)?": Target(
        "1p/19q",
        "Whether both chromosome arms 1p and 19q are lost, which together with an IDH mutation makes a glioma an "
        "oligodendroglioma.",
        _spelled(
            lost=("codeleted", "codeleted codel codeletion 1p19qcodeleted 1p19qcodel"),
            kept=("not codeleted", "noncodeleted noncodel notcodeleted intact 1p19qintact"),
        ),
    ),
    r"mgmt(promoter)?(methylation)?(status)?": Target(
        "MGMT promoter",
        "Whether the promoter of the MGMT gene is methylated, in which case a tumour responds better to temozolomide.",
        _spelled(
            methylated=("methylated", "methylated meth"), not_=("not methylated", "unmethylated unmeth notmethylated")
        ),
    ),
    r"coc(cluster)?s?|clusterofclusters": Target(
        "COC cluster",
        "Which of three molecular groups of lower-grade glioma (TCGA's cluster of clusters): coc1 is mostly IDH mutant "
        "without 1p/19q codeletion, coc2 mostly IDH wild type, coc3 mostly IDH mutant with 1p/19q codeletion.",
        _spelled(
            one=("coc1 (mostly IDH mutant, no codeletion)", "coc1 1"),
            two=("coc2 (mostly IDH wild type)", "coc2 2"),
            three=("coc3 (mostly IDH mutant, codeleted)", "coc3 3"),
        ),
    ),
    r"coc2(cluster)?": Target(
        "COC2 cluster",
        "Whether the tumour is of the second of three molecular groups of lower-grade glioma (TCGA's cluster of "
        "clusters), which is mostly IDH wild type; the other two are mostly IDH mutant.",
        _spelled(
            two=("coc2 (mostly IDH wild type)", "coc2 2"), other=("not coc2 (mostly IDH mutant)", "other notcoc2 rest")
        ),
    ),
    r"(rnaseq|mrna|geneexpression)(cluster)?": Target(
        "RNASeq cluster",
        "Which of four groups of lower-grade glioma that TCGA found by the expression of genes (RNA sequencing): R1 is "
        "IDH mutant without 1p/19q codeletion, R2 more often IDH wild type than not, R3 mostly IDH mutant with 1p/19q "
        "codeletion, R4 mostly IDH mutant, with 1p/19q codeletion or without.",
        _spelled(
            one=("R1 (IDH mutant, no codeletion)", "r1 1"),
            two=("R2 (often IDH wild type)", "r2 2"),
            three=("R3 (mostly IDH mutant, codeleted)", "r3 3"),
            four=("R4 (mostly IDH mutant)", "r4 4"),
        ),
    ),
}


def target_of(name: str) -> Target:
    """The target of a subtype model by its name on the card.

    >>> target_of("IDH status").class_title("wildtype")
    'wild type'
    >>> target_of("IDH and 1p/19q").title
    'IDH and 1p/19q'
    """
    plain = _plain(name)
    return next((target for pattern, target in _TARGETS.items() if re.fullmatch(pattern, plain)), Target(name))


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
