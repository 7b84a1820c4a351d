"""What the commands read: features, outcomes, ages, models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from gliomics.records import FeatureRow
    from gliomics.subtype.circumstances import Circumstances
    from gliomics.subtype.predict import SubtypeModel

FEATURES = typer.Argument(metavar="FEATURES.csv", help="Table made by `gliomics features`.", show_default=False)
OUTCOMES = typer.Option(help="Table (.csv or .tsv) with a patient id and the outcome.")
TARGET = typer.Option(help="Column of the outcome.")
CLASS = typer.Option(
    "--class",
    metavar="VALUE=NAME",
    help="Name of a class for a value of the outcome; repeat. Values of one name are one class.",
)
WHERE = typer.Option(metavar="COLUMN=VALUE", help="Only patients of whom another column says this; repeat.")
CLINICAL = typer.Option(help="Table (.csv or .tsv) with a patient id and the age.")
AGE = typer.Option(metavar="COLUMN", help="Column of the age in years.")
PREVALENCE = typer.Option(
    metavar="CLASS=SHARE",
    help="How common a class is among your patients, e.g. wildtype=0.35; repeat for more than two classes. Without it, "
    "as common as among the training patients.",
)
MODELS = typer.Option(help="Folder with models made here, besides those shipped.")


def pairs(texts: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """``NAME=VALUE`` options; :class:`InputError` for one that is not written so."""
    from gliomics.errors import InputError

    values = {}
    for text in texts or []:
        name, separator, value = text.partition("=")
        if not (separator and name and value):
            raise InputError(f"{option} {text!r} is not {form}; write it so")
        values[name] = value
    return values


def read_outcomes(table: Path, target: str, where: Mapping[str, str]) -> dict[str, str]:
    """The outcome of each patient of whom the other columns say what ``where`` asks for."""
    from gliomics.errors import InputError
    from gliomics.study.patients import read_patient_column

    outcomes = read_patient_column(table, target)
    for column, value in where.items():
        values = read_patient_column(table, column)
        if value not in values.values():
            listed = ", ".join(sorted(set(values.values()))[:6])
            raise InputError(
                f"--where {column}={value}: column '{column}' of {table} has no '{value}'; it has {listed}"
            )
        outcomes = {patient: outcome for patient, outcome in outcomes.items() if values.get(patient) == value}
    return outcomes


def circumstances_of(
    row: FeatureRow, ages: Mapping[str, float], prevalence: Mapping[str, float], model: SubtypeModel
) -> Circumstances:
    """What is known of a patient besides the images; of the prevalence what is of the model's classes."""
    from gliomics.study.patients import canonical_patient
    from gliomics.subtype.circumstances import Circumstances
    from gliomics.subtype.predict import patient_of

    age = ages.get(canonical_patient(patient_of(row)))
    return Circumstances(age, prevalence or None).of_classes(model.card.classes)


def read_prevalence(texts: Sequence[str] | None, models: Sequence[SubtypeModel]) -> dict[str, float]:
    """The share of each class that was given, of any model; :class:`InputError` for other names and for no number."""
    from gliomics.errors import InputError

    classes = list(dict.fromkeys(name for model in models for name in model.card.classes))
    shares = {}
    for name, text in pairs(texts, "--prevalence", "CLASS=SHARE").items():
        if name not in classes:
            raise InputError(f"--prevalence names class '{name}'; there are {', '.join(classes)}")
        try:
            shares[name] = float(text)
        except ValueError:
            raise InputError(f"--prevalence {name}={text} is not a share; write e.g. {name}=0.35") from None
    return shares


def open_model(model: str, models: Path | None) -> SubtypeModel:
    """A subtype model by its name or its folder."""
    from gliomics.models import ModelStore, load_model_folder
    from gliomics.subtype.predict import SubtypeModel

    folder = Path(model)
    is_folder = (folder / "model.json").is_file()
    return SubtypeModel(load_model_folder(folder) if is_folder else ModelStore(models).current(model))
