"""What a tumour network of a server says of a segment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from gliomics.client.transport import ClientError
from gliomics.records import SubtypeEstimate


@dataclass(frozen=True)
class HeatMap:
    """An estimate, in ``sentences`` too, and what each place of the tumour adds to it.

    ``content`` is a ``.nii.gz`` file on the grid of the study's image: log-odds of the predicted class, above 0 where a
    place speaks for it, and 0 outside of the tumour.
    """

    estimate: SubtypeEstimate
    content: bytes = field(repr=False)
    sentences: list[str]


def heat_map_of(model: str, content: bytes | None, answer: dict[str, Any]) -> HeatMap:
    """The answer of a tumour network; :class:`ClientError` for that of another model."""
    if content is None or answer.get("result") != "heat_map":
        raise ClientError(f"model '{model}' answered without a heat map; choose a tumour network")
    return HeatMap(SubtypeEstimate.from_json(answer["estimate"]), content, list(answer["sentences"]))
