"""What the commands that measure features share: the studies, their masks, and what is measured of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from gliomics.cli.terminal.console import (
    check_apart,
    check_table,
    is_one_study,
    report_unreadable,
    report_unused_masks,
)
from gliomics.errors import InputError

if TYPE_CHECKING:
    from gliomics.features.config import FeatureConfig
    from gliomics.study import Study

CONFIG = typer.Option(help="A preset (panel, glioma, full, gbm-2022, lgg-shape) or a PyRadiomics YAML file.")
REGION = typer.Option(
    help="whole, tumour-core, enhancing, oedema, cavity, peritumoral, a region of the configuration or a label "
    "value; give it several times for several.  [default: those of the configuration, its label, or whole]",
    show_default=False,
)
NUMBERING = typer.Option(
    help="Which label is which part of the tumour: brats-2016, brats-2021, brats-2023, brats-2024, msd, whole, "
    "or e.g. 1=necrosis,2=enhancing,3=oedema.  [default: that of study.json, else what the labels allow]",
    show_default=False,
)
BRAIN = typer.Option(
    help="Folder of brain masks, where images show the skull: for normalisation and peritumoral rings."
)


@dataclass(frozen=True)
class MeasuredCohort:
    """The studies of a folder, and the folders of masks by which they are measured."""

    folder: Path
    studies: Sequence[Study]
    masks: Sequence[Path]
    brain: Path | None
    config: FeatureConfig
    regions: tuple[str, ...]


def open_cohort(
    folder: Path,
    masks: Sequence[Path],
    *,
    brain: Path | None,
    config: str,
    regions: Sequence[str] | None,
    out: Path,
) -> MeasuredCohort:
    """Open the studies for a table ``out``, once it is sure that it may be written; report masks that are not used.

    Raises :class:`InputError` for a folder or a configuration that does not exist.
    """
    from gliomics.features.config import load_config
    from gliomics.study import open_studies

    for mask_folder in [*masks, *([brain] if brain else [])]:
        if not mask_folder.is_dir():
            raise InputError(
                f"{mask_folder} is not a folder; give the folder that holds <study id>.nii.gz for each study"
            )
    check_table(out)
    check_apart([out], [Path(config)])
    settings = load_config(config)
    studies = open_studies(folder, report_unreadable)
    if not is_one_study(folder):
        for mask_folder in masks:
            report_unused_masks(mask_folder, studies)
    return MeasuredCohort(folder, studies, masks, brain, settings, tuple(regions or settings.default_regions))
