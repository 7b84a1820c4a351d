"""``gliomics report``: one examination as a page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gliomics.cli.examined import AGE, MASK, MODEL, MODELS, NUMBERING, STUDIES, STUDY, VASARI, find_examination, mask_of
from gliomics.cli.terminal.console import RESAMPLE_TO, console

if TYPE_CHECKING:
    from gliomics.report.case_report import CaseReport
    from gliomics.report.examine import ExaminedSegment


def report(
    study: Annotated[str, STUDY],
    studies: Annotated[Path | None, STUDIES] = None,
    mask: Annotated[Path | None, MASK] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write; an earlier report there is replaced, another file is not.  "
            "[default: <study id>.html]",
            show_default=False,
        ),
    ] = None,
    model: Annotated[str, MODEL] = "segmentation_multi",
    numbering: Annotated[str | None, NUMBERING] = None,
    resample_to: Annotated[str | None, RESAMPLE_TO] = None,
    age: Annotated[float | None, AGE] = None,
    vasari: Annotated[bool, VASARI] = False,
    models: Annotated[Path | None, MODELS] = None,
    network: Annotated[
        Path | None,
        typer.Option(
            help="Folder made by `gliomics subtype fit-network`: also show what it estimates, and by a heat map which "
            "places of the tumour speak for it."
        ),
    ] = None,
) -> None:
    """Write one examination as an HTML page: slices with the mask, subtype estimates, features, and where each is from.

    The page is one file that needs nothing else, and nothing of the study is changed. Its mask is that of --mask, else
    the final label, else one that a model makes now, and the page says which.
    """
    from gliomics.models import ModelStore
    from gliomics.records import RESEARCH_NOTICE
    from gliomics.report.examine import examine
    from gliomics.report.html import Report, check_replaceable, write_report
    from gliomics.subtype.circumstances import Circumstances

    examined, root = find_examination(study, studies)
    page = out or Path(f"{examined.id}.html")
    check_replaceable(page)
    store = ModelStore(models)
    with mask_of(examined, root, mask, store=store, model=model, resample_to=resample_to) as (examined, mask_file):
        segment = examine(
            examined,
            mask_file,
            store,
            numbering=numbering,
            resample_to=resample_to,
            circumstances=Circumstances(age),
            vasari=vasari,
        )
        case = segment.case() if network is None else _with_heat_map(segment, network)
    introduction = "Made on one computer from the images and the mask named below; nothing was sent anywhere."
    write_report(page, Report(title=f"Report on {examined.id}", cases=[case], introduction=introduction))
    _summarise(case)
    console.print(f"{page}: open it in a browser\n{RESEARCH_NOTICE}", markup=False)


def _with_heat_map(segment: ExaminedSegment, folder: Path) -> CaseReport:
    """The case with what a tumour network says of it."""
    from gliomics.models import load_model_folder
    from gliomics.report.heat_map import heat_map_picture
    from gliomics.tumour_network.predict import TumourNetworkModel

    reading_network = TumourNetworkModel(load_model_folder(folder))
    reading = reading_network.read_volumes(segment.volumes, segment.mask, segment.study)
    image = next(segment.volumes[name] for name in reading_network.sequences if name in segment.volumes)
    picture = heat_map_picture(image, segment.mask, reading, spacing_known=segment.study.spacing_known)
    case = segment.case()
    return replace(case, pictures=[*case.pictures, picture])


def _summarise(case: CaseReport) -> None:
    """The page in a few lines."""
    reading = case.reading
    facts = "; ".join(f"{fact.name} {fact.text}" for fact in reading.headline)
    console.print(f"{case.study.id}: mask: {case.mask_origin}\n{reading.title}: {facts}", markup=False)
    for warning in [*case.warnings, *reading.cautions]:
        console.print(warning, style="yellow", markup=False)
    for estimate in reading.estimates:
        bars = ", ".join(f"{bar.title} {bar.text}" for bar in estimate.bars)
        console.print(f"{estimate.title}: {estimate.headline}; {bars}", markup=False)
