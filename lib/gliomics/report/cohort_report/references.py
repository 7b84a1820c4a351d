"""The works that methods and checklists rest on."""

from __future__ import annotations

from collections.abc import Sequence

WORKS = {
    "pyradiomics": (
        "van Griethuysen JJM et al. Computational radiomics system to decode the radiographic phenotype. "
        "Cancer Research 2017;77:e104-e107. doi:10.1158/0008-5472.CAN-17-0339"
    ),
    "n4": (
        "Tustison NJ et al. N4ITK: improved N3 bias correction. IEEE Transactions on Medical Imaging "
        "2010;29:1310-1320. doi:10.1109/TMI.2010.2046908"
    ),
    "fisher": (
        "Freeman GH, Halton JH. Note on an exact treatment of contingency, goodness of fit and other problems "
        "of significance. Biometrika 1951;38:141-149. doi:10.1093/biomet/38.1-2.141"
    ),
    "kruskal": (
        "Kruskal WH, Wallis WA. Use of ranks in one-criterion variance analysis. Journal of the American "
        "Statistical Association 1952;47:583-621. doi:10.1080/01621459.1952.10483441"
    ),
    "mann": (
        "Mann HB, Whitney DR. On a test of whether one of two random variables is stochastically larger than "
        "the other. Annals of Mathematical Statistics 1947;18:50-60. doi:10.1214/aoms/1177730491"
    ),
    "holm": (
        "Holm S. A simple sequentially rejective multiple test procedure. Scandinavian Journal of Statistics "
        "1979;6:65-70"
    ),
    "fdr": (
        "Benjamini Y, Hochberg Y. Controlling the false discovery rate: a practical and powerful approach to "
        "multiple testing. Journal of the Royal Statistical Society B 1995;57:289-300. "
        "doi:10.1111/j.2517-6161.1995.tb02031.x"
    ),
    "bootstrap": (
        "Efron B. Bootstrap methods: another look at the jackknife. Annals of Statistics 1979;7:1-26. "
        "doi:10.1214/aos/1176344552"
    ),
    "kraskov": (
        "Kraskov A, Stögbauer H, Grassberger P. Estimating mutual information. Physical Review E "
        "2004;69:066138. doi:10.1103/PhysRevE.69.066138"
    ),
    "permuted": ("Westfall PH, Young SS. Resampling-based multiple testing. Wiley, 1993"),
    "kaplan": (
        "Kaplan EL, Meier P. Nonparametric estimation from incomplete observations. Journal of the American "
        "Statistical Association 1958;53:457-481. doi:10.1080/01621459.1958.10501452"
    ),
    "cox": (
        "Cox DR. Regression models and life-tables. Journal of the Royal Statistical Society B "
        "1972;34:187-220. doi:10.1111/j.2517-6161.1972.tb00899.x"
    ),
    "net": (
        "Zou H, Hastie T. Regularization and variable selection via the elastic net. Journal of the Royal "
        "Statistical Society B 2005;67:301-320. doi:10.1111/j.1467-9868.2005.00503.x"
    ),
    "likelihood": (
        "Verweij PJM, van Houwelingen HC. Cross-validation in survival analysis. Statistics in Medicine "
        "1993;12:2305-2314. doi:10.1002/sim.4780122407"
    ),
    "added": (
        "Boulesteix A-L, Sauerbrei W. Added predictive value of high-throughput molecular data to clinical "
        "data and its validation. Briefings in Bioinformatics 2011;12:215-229. doi:10.1093/bib/bbq085"
    ),
    "harrell": (
        "Harrell FE et al. Evaluating the yield of medical tests. JAMA 1982;247:2543-2546. "
        "doi:10.1001/jama.1982.03320430047030"
    ),
    "uno": (
        "Uno H et al. Evaluating prediction rules for t-year survivors with censored regression models. "
        "Journal of the American Statistical Association 2007;102:527-537. doi:10.1198/016214507000000149"
    ),
    "graf": (
        "Graf E et al. Assessment and comparison of prognostic classification schemes for survival data. "
        "Statistics in Medicine 1999;18:2529-2545. "
        "doi:10.1002/(SICI)1097-0258(19990915/30)18:17/18<2529::AID-SIM274>3.0.CO;2-5"
    ),
    "schoenfeld": (
        "Grambsch PM, Therneau TM. Proportional hazards tests and diagnostics based on weighted residuals. "
        "Biometrika 1994;81:515-526. doi:10.1093/biomet/81.3.515"
    ),
    "metrics": (
        "Kocak B et al. METhodological RadiomICs Score (METRICS): a quality scoring tool for radiomics "
        "research endorsed by EuSoMII. Insights into Imaging 2024;15:8. doi:10.1186/s13244-023-01572-w"
    ),
    "rqs": (
        "Lambin P et al. Radiomics Quality Score 2.0: towards radiomics readiness levels and clinical translation for "
        "personalized medicine. Nature Reviews Clinical Oncology 2025. doi:10.1038/s41571-025-01067-1"
    ),
    "claim": (
        "Tejani AS et al. Checklist for Artificial Intelligence in Medical Imaging (CLAIM): 2024 update. Radiology: "
        "Artificial Intelligence 2024;6:e240300. doi:10.1148/ryai.240300"
    ),
    "tripod": (
        "Collins GS et al. TRIPOD+AI statement: updated guidance for reporting clinical prediction models "
        "that use regression or machine learning methods. BMJ 2024;385:e078378. doi:10.1136/bmj-2023-078378"
    ),
}
"""By the name under which they are cited; two have no DOI."""


class References:
    """The works that a page cites, numbered in the order in which they are first cited."""

    def __init__(self) -> None:
        self._cited: list[str] = []

    def cite(self, *names: str) -> str:
        """The numbers of works in brackets.

        >>> references = References()
        >>> references.cite("kruskal", "cox"), references.cite("cox")
        ('[1, 2]', '[2]')
        """
        self._cited += [name for name in names if name not in self._cited]
        return f"[{', '.join(str(self._cited.index(name) + 1) for name in names)}]"

    @property
    def works(self) -> Sequence[str]:
        """What was cited, in order."""
        return [WORKS[name] for name in self._cited]
