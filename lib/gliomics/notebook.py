"""What notebooks show of records: small tables and pictures as HTML, in which every text is escaped.

A picture is a PNG image inside the page, written here so that showing one needs NumPy and nothing else.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Iterable, Sequence
from html import escape
from itertools import permutations
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_WIDTH = 200
"""Width of a picture in pixels of the page, at least; a voxel that is no square is shown as wide as it is."""
_OUTLINE = (240, 228, 66)
_ORDERS = tuple(permutations(range(3)))


def spoken_spacing(spacing: Sequence[float]) -> str:
    """Voxel sizes in millimetres, as in ``1 x 1 x 5 mm``."""
    return " x ".join(f"{edge:.3g}" for edge in spacing) + " mm"


def card(title: str, facts: Iterable[tuple[str, object]], *, picture: str = "", notice: str = "") -> str:
    """A title over a table of facts, beside a picture of :func:`slice_picture`; ``notice`` stands below."""
    lines = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(str(value))}</td></tr>'
        for name, value in facts
    )
    below = f"<p><em>{escape(notice)}</em></p>" if notice else ""
    return (
        f'<div style="display:flex;gap:1em;align-items:flex-start">{picture}'
        f"<div><strong>{escape(title)}</strong><table>{lines}</table>{below}</div></div>"
    )


def slice_picture(
    array: npt.NDArray[Any],
    affine: npt.NDArray[np.float64],
    *,
    outlined: npt.NDArray[np.bool_] | None = None,
    alternative: str,
) -> str:
    """One axial slice as an image of the page, the patient's right on the left and anterior above.

    It is the slice in which ``outlined``, voxels of the same grid, has its largest area, else the middle one; grey
    levels go from the 1st to the 99th percentile of the volume. Nothing of an array without voxels or without finite
    values, or on axes that have no direction.
    """
    import numpy as np

    finite = np.isfinite(array)
    if not finite.any() or not np.isfinite(affine).all() or np.linalg.det(affine) == 0:
        return ""
    volume, edges = _displayed(np.where(finite, array, 0).astype(np.float32), affine)
    region = None if outlined is None else _displayed(outlined, affine)[0]
    number = volume.shape[2] // 2
    if region is not None and region.any():
        number = int(region.sum(axis=(0, 1)).argmax())
    low, high = np.percentile(array[finite], (1, 99))
    grey = np.clip((volume[:, :, number].T - low) / max(float(high - low), 1e-12) * 255, 0, 255).astype(np.uint8)
    zoom = max(1, -(-_WIDTH // grey.shape[1]))
    pixels = np.repeat(grey[:, :, None], 3, axis=2).repeat(zoom, axis=0).repeat(zoom, axis=1)
    if region is not None:
        inside = region[:, :, number].T.repeat(zoom, axis=0).repeat(zoom, axis=1)
        pixels[inside & ~_eroded(inside)] = _OUTLINE
    height = round(pixels.shape[0] * edges[1] / edges[0])
    source = base64.b64encode(_png(pixels)).decode("ascii")
    return (
        f'<img src="data:image/png;base64,{source}" alt="{escape(alternative)}" '
        f'width="{pixels.shape[1]}" height="{height}">'
    )


def _displayed(
    array: npt.NDArray[Any], affine: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[Any], tuple[float, float, float]]:
    """An array turned so that its axes run to the left, backwards and upwards, with the voxel size along each."""
    import numpy as np

    edges = np.linalg.norm(affine[:3, :3], axis=0)
    directions = affine[:3, :3] / edges
    fits = {order: sum(abs(directions[world, axis]) for world, axis in enumerate(order)) for order in _ORDERS}
    order = max(fits, key=fits.__getitem__)
    reversed_axes = tuple(world for world, axis in enumerate(order) if (directions[world, axis] > 0) == (world < 2))
    x, y, z = edges[list(order)]
    return np.flip(array.transpose(order), reversed_axes), (float(x), float(y), float(z))


def _eroded(inside: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """The pixels whose four neighbours are inside, too."""
    import numpy as np

    padded = np.pad(inside, 1)
    return inside & padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]


def _png(pixels: npt.NDArray[np.uint8]) -> bytes:
    """The PNG file of pixels (row, column, red green blue)."""
    height, width, _ = pixels.shape
    lines = b"".join(b"\0" + line.tobytes() for line in pixels)
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(lines)),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
        for kind, content in chunks
    )
