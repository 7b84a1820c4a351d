"""Maps of features, which ``gliomics features --maps`` writes beside its table."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gliomics.cli.terminal.console import console
from gliomics.cli.terminal.failures import Failures
from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.cohort.extraction import Extraction, StudyFiles
    from gliomics.features.config import FeatureConfig
    from gliomics.study import Study


def names_of(text: str) -> list[str]:
    """The names of features that a person separated by commas."""
    names = [name.strip() for name in text.split(",") if name.strip()]
    if not names:
        raise InputError("--maps is empty; give names of features as tables have them, separated by commas")
    return list(dict.fromkeys(names))


def check_names(names: Sequence[str], config: FeatureConfig, studies: Sequence[Study]) -> None:
    """Raise what is wrong with the names before anything is measured."""
    from gliomics.features.maps.measure import check_config
    from gliomics.features.maps.names import maps_named

    check_config(config)
    sequences = list(dict.fromkeys(name for study in studies for name in study.sequences))
    maps_named(names, config, config.sequences or sequences)


def write_maps(
    jobs: Sequence[StudyFiles], extraction: Extraction, names: Sequence[str], folder: Path, failures: Failures
) -> None:
    """Write ``<study id>/<region>_<feature>.nii.gz`` for each study, region and feature, and say how many."""
    from rich.progress import Progress

    from gliomics.cohort.measure import measure_maps
    from gliomics.study import write_volume

    count = 0
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("maps", total=len(jobs))
        for number, job in enumerate(jobs):

            def report(text: str, fraction: float, *, done: int = number, study: str = job.study.id) -> None:
                progress.update(bar, completed=done + fraction, description=f"{text} of {study}")

            with failures.of(job.study.id):
                for region, each in measure_maps(job, extraction, names, report):
                    target = folder / job.study.id / f"{region}_{each.name}.nii.gz"
                    target.parent.mkdir(parents=True, exist_ok=True)
                    write_volume(each.volume, target, finite=False)
                    count += 1
    console.print(f"{count} maps in {folder}", markup=False)
