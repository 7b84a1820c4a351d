"""``gliomics demo``: the whole path on the sample studies, against a real server process."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Table

from gliomics.bundled import bundled
from gliomics.cli.demo.demo_server import demo_server
from gliomics.client import ClientError, GliomicsClient
from gliomics.errors import InputError
from gliomics.files import write_text
from gliomics.reading.record import EstimateReading
from gliomics.records import RESEARCH_NOTICE, FeatureRow

if TYPE_CHECKING:
    from gliomics.cli.demo.annotator import Annotation, Annotator

MODEL = "segmentation_flair"
SHOWN_FEATURES = (
    "original_shape_MeshVolume",
    "original_shape_Sphericity",
    "original_shape_Elongation",
    "original_outline_Solidity",
    "original_outline_AngularStandardDeviation",
    "original_outline_MarginFluctuation",
    "flair_original_firstorder_Mean",
    "flair_original_firstorder_Entropy",
    "flair_original_glcm_Contrast",
    "flair_original_glrlm_RunEntropy",
)
_MARKER = ".gliomics-demo"

screen = Console(highlight=False, soft_wrap=True)


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the demonstration; an earlier one there is replaced.")] = Path(
        "demo_output"
    ),
    labels: Annotated[int, typer.Option(min=2, max=6, help="Studies to annotate before the model learns.")] = 6,
    epochs: Annotated[int, typer.Option(min=1, max=50, help="Length of each fine-tuning.")] = 1,
) -> None:
    """Show the whole path on synthetic studies: segment, correct, compute, estimate, learn, ask for the next.

    A real server process runs on a free port of this machine and is driven over HTTP;
    OUT/report.html shows what came out.
    """
    from gliomics.cli.demo.annotator import Annotator
    from gliomics.cli.demo.demo_report import write_demo_report
    from gliomics.server.serve import check_dependencies
    from gliomics.study import list_studies

    check_dependencies()
    started = time.monotonic()
    studies = _new_demonstration(out)
    _announce("1", f"starting a server over the sample studies in {studies}")
    with demo_server(studies, out / "server.log") as client:
        info = client.info()
        trained = ", ".join(sorted(info["trainers"]))
        screen.print(f"   what happens can be watched in a browser, as long as it runs: [bold]{client.url}[/]")
        screen.print(f"   {client.url} serves {', '.join(sorted(info['models']))}; can be retrained: {trained}")
        annotator = Annotator(client, studies / "truth", out / "masks", MODEL)
        annotations = [_annotate(annotator, number) for number in range(1, labels + 1)]
        unseen = sorted(study.id for study in list_studies(studies) if not _annotated(study.id, annotations))
        before = {study: annotator.segment(study, "before")[1] for study in unseen}
        training = _fine_tune(client, epochs)
        next_study = client.next_sample("epistemic")
        after = _segment_again(annotator, before, training)
        screen.print(f"   next to annotate: [bold]{next_study['id']}[/] ({next_study['reason']})")
    _announce("5", "writing the report")
    report = out / "report.html"
    unseen_dice = {"before": before, "after": after}
    write_demo_report(report, studies, annotations, training=training, unseen=unseen_dice, next_study=next_study)
    screen.print(f"   {report}: open it in a browser; the studies themselves: gliomics open {studies}")
    screen.print(f"\n[bold]Done in {time.monotonic() - started:.0f} s.[/] {RESEARCH_NOTICE}")


def _new_demonstration(out: Path) -> Path:
    """A new copy of the sample studies in ``out``; replaces an earlier demonstration, nothing else."""
    if out.exists():
        if not (out / _MARKER).is_file() and any(out.iterdir()):
            raise InputError(f"{out} is not empty and not an earlier demonstration; choose another folder with --out")
        shutil.rmtree(out)
    (out / "masks").mkdir(parents=True)
    write_text(out / _MARKER, "This folder is replaced by the next gliomics demo.\n")
    return Path(shutil.copytree(bundled("sample_studies"), out / "studies"))


def _annotate(annotator: Annotator, number: int) -> Annotation:
    """One study as an annotator works through it; the first one's features and estimates are shown."""
    sample = annotator.client.next_sample("random", seed=number)
    _announce("2", f"annotating [bold]{sample['id']}[/] ({sample['reason']})")
    annotation = annotator.correct(sample["id"], sample["reason"])
    screen.print(
        f"   {MODEL} proposes a mask, Dice {annotation.dice_before:.3f} with the truth; "
        f"{annotation.redrawn} slices drawn anew, {annotation.slices} hold lesion: Dice {annotation.dice_after:.3f}"
    )
    annotator.estimate(annotation)
    if number == 1 and annotation.features is not None:
        screen.print(_feature_table(annotation.features))
    if annotation.reading is not None:
        screen.print(f"   {'; '.join(f'{fact.name} {fact.text}' for fact in annotation.reading.headline)}")
        for estimate in annotation.reading.estimates:
            screen.print(f"   {_in_words(estimate)}")
    annotator.save(annotation)
    screen.print("   final label saved")
    return annotation


def _feature_table(features: FeatureRow) -> Table:
    table = Table(title=f"{features.study_id}: {len(features.values)} features, some of them", title_justify="left")
    table.add_column("feature")
    table.add_column("value", justify="right")
    for name in SHOWN_FEATURES:
        if name in features.values:
            table.add_row(name, f"{features.values[name]:.4g}")
    return table


def _in_words(estimate: EstimateReading) -> str:
    bars = ", ".join(f"{bar.title} {bar.text}" for bar in estimate.bars)
    return f"{estimate.title}: [bold]{estimate.headline}[/]  {bars}"


def _fine_tune(client: GliomicsClient, epochs: int) -> dict[str, Any]:
    """Fine-tune on the saved labels; returns the training's last state."""
    _announce("3", f"fine-tuning {MODEL} on the saved labels; it is published only if it is better")
    client.train(MODEL, {"max_epochs": epochs})
    columns = (TextColumn("   {task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total} epochs"))
    with Progress(*columns, console=screen) as progress:
        bar = progress.add_task("training", total=epochs)
        while True:
            status = client.train_status()
            state = status["progress"]
            progress.update(bar, completed=state.get("epoch", 0), total=state.get("total_epochs", epochs))
            if status["status"] not in ("SUBMITTED", "RUNNING"):
                break
            time.sleep(0.5)
    if state.get("state") != "finished":
        raise ClientError(f"the training did not finish: {state.get('reason', status['status'])}")
    screen.print(f"   version {state['version']}: {state['reason']}")
    return dict(state)


def _annotated(study_id: str, annotations: list[Annotation]) -> bool:
    return any(annotation.study_id == study_id for annotation in annotations)


def _segment_again(annotator: Annotator, before: dict[str, float], training: dict[str, Any]) -> dict[str, float]:
    """Segment the studies that nobody labelled with the model that serves now; returns their Dice with the truth."""
    serves = f"version {training['version']}" if training["published"] else "the version that served before"
    _announce("4", f"segmenting the studies that nobody labelled again: {serves} serves")
    after = {study: annotator.segment(study, "again")[1] for study in before}
    for study, score in after.items():
        screen.print(f"   {study}: Dice with the truth {score:.3f}, before {before[study]:.3f}")
    return after


def _announce(number: str, text: str) -> None:
    screen.print(f"[bold cyan]{number}[/] {text}")
