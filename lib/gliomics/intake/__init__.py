"""The one way in: folders as people have them become studies.

A plan says what a folder was taken for and what is made of it; it can be shown, asked about and carried out.
"""

from gliomics.intake.choices import Choices, SequenceChoice
from gliomics.intake.plan import ImageSource, ImportPlan, LeftOut, PlannedLabel, PlannedStudy, SeriesSource, SliceStack
from gliomics.intake.recognise import import_folder, plan_import
from gliomics.intake.write import ImportReport, difference, studies_present, write_plan

__all__ = [
    "Choices",
    "ImageSource",
    "ImportPlan",
    "ImportReport",
    "LeftOut",
    "PlannedLabel",
    "PlannedStudy",
    "SequenceChoice",
    "SeriesSource",
    "SliceStack",
    "difference",
    "import_folder",
    "plan_import",
    "studies_present",
    "write_plan",
]
