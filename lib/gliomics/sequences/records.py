"""What is told about an image's sequence: the answer, and what headers contribute to it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SEQUENCES = ("t1", "t1c", "t2", "flair")
"""Sequence names of a glioma study, in the order of tables and files: T1, contrast-enhanced T1, T2 and T2-FLAIR."""
DISPLAY_ORDER = ("flair", "t1c", "t2", "t1")
"""Sequence names in the order in which images are shown: the first of a study stands for it where one is enough."""
CONTRAST_DETAILS = ("ContrastBolusRoute", "ContrastBolusTotalDose", "ContrastFlowRate", "ContrastBolusStartTime")
"""Attributes that are recorded of an injection besides its agent and volume, as :func:`contrast_details` takes them."""


@dataclass(frozen=True)
class Recognition:
    """What an image is: a sequence, certainly none of ours (``is_other``), or undecided (neither), and why."""

    sequence: str | None
    reason: str
    is_other: bool = False


@dataclass(frozen=True)
class Acquisition:
    """What an image's headers say about its acquisition; None or empty where they say nothing.

    Times are in milliseconds, the contrast volume in millilitres, the b-value in s/mm².
    The fields are the DICOM attributes of the same name (PS3.3 C.7.6.4, C.8.3.1); ``contrast_details`` is what else is
    recorded of a contrast agent (its route, dose, flow or time of injection), in words.
    """

    repetition_time: float | None = None
    echo_time: float | None = None
    inversion_time: float | None = None
    contrast_agent: str = ""
    contrast_volume: float | None = None
    contrast_details: str = ""
    image_type: tuple[str, ...] = ()
    scanning_sequence: tuple[str, ...] = ()
    protocol_name: str = ""
    series_description: str = ""
    body_part: str = ""
    temporal_positions: int | None = None
    b_value: float | None = None


def in_order(names: Iterable[str], order: tuple[str, ...] = SEQUENCES) -> list[str]:
    """Names of a study's images in the order of its sequences, then those that are no sequence of ours, by name.

    >>> in_order(["perfusion", "flair", "adc", "t1"])
    ['t1', 'flair', 'adc', 'perfusion']
    >>> in_order(["t1", "t1c", "flair"], DISPLAY_ORDER)
    ['flair', 't1c', 't1']
    """
    available = set(names)
    return [name for name in order if name in available] + sorted(available.difference(order))


def contrast_details(route: str, dose: str, flow_rate: str, start: str) -> str:
    """What is recorded of a contrast agent besides its name, in words; empty where nothing is.

    >>> contrast_details("IV", "0", "", "")
    "a contrast route ('IV')"
    """
    details = {
        "a contrast route": route,
        "a contrast dose": dose,
        "a contrast flow rate": flow_rate,
        "the start of a contrast injection": start,
    }
    return ", ".join(f"{what} ('{value}')" for what, value in details.items() if value.strip(" 0."))
