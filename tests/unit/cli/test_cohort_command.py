"""``gliomics cohort`` on tables as people have them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gliomics.cli.main import app
from gliomics.csv_files import read_csv
from gliomics.report.cohort_report.assemble import cohort_report, read_results
from tests.conftest import PROJECT

pytestmark = pytest.mark.slow

RUN = CliRunner().invoke


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features of 40 patients, the first of which goes with the cluster, as comma-separated UTF-8."""
    folder = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    features, outcomes = ["study_id,diagnostics_patient_id,with_<cluster>,noise"], ["patient_id;cluster;type"]
    for number in range(40):
        high = number % 2
        values = rng.normal(loc=[2 * high, 0])
        features.append(f"S{number},P-{number},{values[0]},{values[1]}")
        outcomes.append(f"P-{number};{'high' if high else 'low'};{'x' if number < 20 else 'y'}")
    (folder / "features.csv").write_text("\n".join(features[:-1]))
    (folder / "outcomes.csv").write_bytes("\r\n".join([*outcomes, "P-99;low;x"]).encode("utf-16"))
    return folder


def test_associations_of_tables_of_a_spreadsheet(tables: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = f"cohort associate {tables}/features.csv --outcomes {tables}/outcomes.csv --target cluster --by type"
    result = RUN(app, [*words.split(), "--out", str(out)])
    assert result.exit_code == 0, result.output
    assert "with cluster and without features: 2 patients" in result.stderr.replace("\n", " ")
    header, *rows = [row for _, row in read_csv(out / "associations.csv")]
    assert ",".join(header[:13]) == (
        "feature,target,class,test,n,statistic,p,p_bonferroni,p_holm,p_fdr,effect,effect_low,effect_high"
    )
    strongest = min(rows, key=lambda row: float(row[6]))
    assert (strongest[0], strongest[4]) == ("with_<cluster>", "39")
    page = (out / "associations.html").read_text()
    assert "with_&lt;cluster&gt;" in page
    assert "with_<cluster>" not in page
    assert sorted(path.name for path in out.glob("*_1_cluster.svg")) == [
        f"{kind}_1_cluster.svg" for kind in ("auc", "boxes", "histograms", "roc")
    ]
    result = RUN(app, ["cohort", "report", str(out), "--out", str(tmp_path / "report.html")])
    assert result.exit_code == 0, result.output
    report = (tmp_path / "report.html").read_text()
    assert "with features: 39, with cluster: 39, in classes of 5 or more, tested: 39" in report
    assert "with_<cluster>" not in report
    refused = RUN(app, ["cohort", "report", str(out), "--out", str(out / "report.html")])
    assert "lies in a folder that is read" in str(refused.exception)


def test_harmonised_features_go_on_to_associations_and_not_to_models(tables: Path, tmp_path: Path) -> None:
    out, table = tmp_path / "out", tmp_path / "out" / "features_harmonised.csv"
    words = f"cohort harmonise {tables}/features.csv --outcomes {tables}/outcomes.csv --batch type --out {out}"
    result = RUN(app, words.split())
    assert result.exit_code == 0, result.output
    assert "not for models" in result.stderr.replace("\n", " ")
    header, first, _ = [row for _, row in read_csv(out / "harmonise.csv")]
    assert (header, first[0]) == (
        ["feature", "n", "share_before", "share_after", "p_before", "p_after", "note"], "with_<cluster>"
    )  # fmt: skip
    assert (out / "components.png").read_bytes().startswith(b"\x89PNG")
    assert "with_&lt;cluster&gt;" in (out / "harmonise.html").read_text()
    (tmp_path / "other.csv").write_bytes(table.read_bytes())
    again = f"cohort associate {table} --outcomes {tables}/outcomes.csv --target cluster --out {out / 'again'}"
    assert RUN(app, [*again.split(), "--other-masks", f"automatic={tmp_path}/other.csv"]).exit_code == 0
    genes = [f"P-{number},{number % 7},{number % 5}" for number in range(40)]
    (tmp_path / "genes.csv").write_text("\n".join(["patient_id,a,b", *genes]))
    words = f"cohort expression {table} --expression {tmp_path}/genes.csv --permutations 20 --out {tmp_path}/genes"
    result = RUN(app, words.split())
    assert "the features were harmonised over 'type'" in result.stderr.replace("\n", " ")
    assert "what genes and features have in common" in (tmp_path / "genes" / "expression.html").read_text()
    page = (out / "again" / "associations.html").read_text()
    assert "over type" in page
    assert "Under other masks" in page
    model = PROJECT / "lib" / "gliomics" / "models" / "shipped" / "subtype_idh"
    result = RUN(app, ["cohort", "report", str(out / "again"), str(model), "--out", str(tmp_path / "report.html")])
    assert result.exit_code == 0, result.output
    report = (tmp_path / "report.html").read_text()
    for told in (
        "tested under the masks features_harmonised, automatic of the 39 patients",
        "masks.csv: ",
        "Subtype model: IDH status of lower-grade glioma",
        "mutant: 71 patients, wildtype: 16 patients",
        "AUC, images, leaving one site out",
        "subtype_idh: calibration slope and intercept",
        "CLAIM 2024",
        "TRIPOD+AI",
    ):
        assert told in report
    assert (tmp_path / "report_files" / "model 1 subtype_idh.csv").read_text().startswith("figure,value,low,high,n,how")
    other = PROJECT / "lib" / "gliomics" / "models" / "shipped" / "segmentation_flair"
    refused = RUN(app, ["cohort", "report", str(other), "--out", str(tmp_path / "report.html")])
    assert "is a model of the task 'segmentation'" in str(refused.exception)
    header, *rows = [row for _, row in read_csv(out / "again" / "masks.csv")]
    assert [row[header.index("masks")] for row in rows[:2]] == ["features_harmonised", "automatic"]
    assert {row[header.index("icc")] for row in rows} == {"1.0"}
    fit = f"subtype fit {table} --outcomes {tables}/outcomes.csv --target cluster --out {out / 'model'}"
    assert "were harmonised over 'type'" in str(RUN(app, fit.split()).exception)


def test_expression_beside_features(tables: Path, tmp_path: Path) -> None:
    rng, out = np.random.default_rng(0), tmp_path / "out"
    rows = [f"P-{number}\tx\t{rng.normal() + 2 * (number % 2)}\t{rng.normal()}" for number in range(40)]
    (tmp_path / "genes.tsv").write_text("\n".join(["patient_id\tkind\tG1\tG2", *rows]))
    words = f"cohort expression {tables}/features.csv --expression {tmp_path}/genes.tsv --out {out} --permutations 20"
    result = RUN(app, words.split())
    assert result.exit_code == 0, result.output
    assert "left out, not numbers: kind" in result.stderr
    header, first, *_ = [row for _, row in read_csv(out / "associations.csv")]
    assert header[:10] == ["feature", "target", "test", "n", "statistic", "p", *header[6:10]]
    assert first[:2] == ["with_<cluster>", "G1"]
    assert (out / "information.png").read_bytes().startswith(b"\x89PNG")
    assert "with_&lt;cluster&gt;" in (out / "expression.html").read_text()
    assert "from 20 tables of permuted patients" in cohort_report([read_results(out)], "Report").html


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        ("study_id,f\nP-1,1\nP-3,2\n", "cluster", "'cluster' has fewer than two classes among the 2 patients"),
        ("study_id,f\nX,1\nY,2\n", "cluster", "no patient has both features and a value in column 'cluster'"),
        ("study_id,f\nX,1\nY,2\n", "cluster", "are of 'X', 'Y', values of 'P-0', 'P-1', 'P-2', ...; write the ids"),
        ('study_id,f\nP-1,"1,5"\n', "cluster", "holds '1,5'; features must be numbers with a decimal point"),
        ("study_id,f\nP-1,1\n", "grade", "has no column 'grade'; it has patient_id, cluster, type"),
    ],
)
def test_unusable_tables_are_refused(features: str, target: str, message: str, tables: Path, tmp_path: Path) -> None:
    (tmp_path / "features.csv").write_text(features)
    words = f"cohort associate {tmp_path}/features.csv --outcomes {tables}/outcomes.csv --target {target}"
    result = RUN(app, [*words.split(), "--out", str(tmp_path / "out")])
    assert message in str(result.exception)


def test_change_between_examinations_goes_beside_outcome_and_survival(tmp_path: Path) -> None:
    rng, features, outcomes = np.random.default_rng(1), [], []
    for number in range(40):
        change, other = rng.normal(loc=[2 * (number % 2), 0])
        features += [f"S{number}a,before,P-{number},1,1", f"S{number}b,after,P-{number},{1 + change},{1 + other}"]
        time = rng.exponential(24 * np.exp(-change))
        outcomes.append(f"P-{number},{'progression' if number % 2 else 'pseudoprogression'},{time},{int(time < 40)}")
    header = "study_id,diagnostics_timepoint,diagnostics_patient_id,f,g"
    (tmp_path / "features.csv").write_text("\n".join([header, *features]))
    (tmp_path / "outcomes.csv").write_text("\n".join(["patient_id,outcome,months,died", *outcomes]))
    change, table = tmp_path / "change.csv", tmp_path / "outcomes.csv"
    words = f"delta {tmp_path}/features.csv --from before --to after --out {change}"
    assert RUN(app, words.split()).exit_code == 0
    words = f"cohort associate {change} --outcomes {table} --target outcome --out {tmp_path}/associations"
    assert RUN(app, words.split()).exit_code == 0
    _, *rows = [row for _, row in read_csv(tmp_path / "associations" / "associations.csv")]
    assert min((float(row[6]), row[0]) for row in rows)[1] in ("f_delta", "f_relative")
    words = f"cohort survival {change} --outcomes {table} --time months --event died --repeats 1 --out {tmp_path}/out"
    result = RUN(app, words.split())
    assert result.exit_code == 0, result.output
    _, first, *_ = [row for _, row in read_csv(tmp_path / "out" / "hazard_ratios.csv") if row[0] in ("model", "alone")]
    assert first[1] in ("f_delta", "f_relative")
