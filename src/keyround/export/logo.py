"""The provider's logo: read, made small, and written anew, so that nothing but the picture gets into a report.

Somebody else's file: it may be no picture, or a small file that becomes gigabytes
of pixels. Neither stops a report. Part of workbook.py; it too knows openpyxl.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from openpyxl.drawing.image import Image as ExcelImage
from openpyxl.drawing.spreadsheet_drawing import AnchorMarker, OneCellAnchor, SpreadsheetDrawing
from openpyxl.drawing.xdr import XDRPositiveSize2D
from PIL import Image, ImageOps

from ..words import say, speaking
from .clean import short

BOX = (150, 46)  # points it may take
_SHARP = 4  # pixels a point: still sharp in print
_MOST_BYTES = 8_000_000
_MOST_PIXELS = 40_000_000
_EMU_PER_POINT = 12_700
_NUMBER = 1_001  # of the shape; charts count from 1


@dataclass(frozen=True, slots=True)
class Logo:
    """As PNG, and how large it is shown, in points."""

    png: bytes
    width: float
    height: float


def read(path: Path) -> Logo | str:
    """The logo, or why there is none."""
    large = say("workbook.logo_large", n=_MOST_BYTES // 1_000_000, pixels=_MOST_PIXELS // 1_000_000)
    try:
        if path.stat().st_size > _MOST_BYTES:
            return large
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(path.read_bytes()), formats=("PNG", "JPEG")) as picture:
                if picture.width * picture.height > _MOST_PIXELS:
                    return large
                picture.draft("RGB", (BOX[0] * _SHARP, BOX[1] * _SHARP))  # a JPEG is read small at once
                return _drawn(ImageOps.exif_transpose(picture).convert("RGBA"))
    except Image.DecompressionBombError:
        return large
    except OSError as error:
        return error.strerror or say("workbook.logo_unreadable")
    except Exception:  # Pillow meets a broken file with whatever its parts raise
        return say("workbook.logo_unreadable")


def found(path: Path | None) -> tuple[Logo | None, list[str]]:
    """The logo, or what the command line says about it, which is always in English."""
    if path is None:
        return None, []
    with speaking("en"):
        got = read(path)
        if isinstance(got, Logo):
            return got, []
        return None, [say("workbook.logo_missing", file=path, reason=got)]


def _drawn(picture: Image.Image) -> Logo:
    picture.thumbnail((BOX[0] * _SHARP, BOX[1] * _SHARP))
    bare = Image.new("RGBA", picture.size)
    bare.paste(picture)
    packed = io.BytesIO()
    bare.save(packed, "PNG", optimize=True)
    scale = min(BOX[0] / bare.width, BOX[1] / bare.height)
    return Logo(packed.getvalue(), bare.width * scale, bare.height * scale)


def place(ws: Any, logo: Logo, widths: list[int], row: int, told: str) -> None:
    """At the right edge of `row`, a little inside: beyond it, another column would be printed."""
    column = widths[-1] * 6 * 0.75  # points, roughly
    image = ExcelImage(io.BytesIO(logo.png))
    size = XDRPositiveSize2D(round(logo.width * _EMU_PER_POINT), round(logo.height * _EMU_PER_POINT))
    offset = max(0.0, column * 0.97 - logo.width)
    at = AnchorMarker(
        col=len(widths) - 1, colOff=round(offset * _EMU_PER_POINT), row=row - 1, rowOff=3 * _EMU_PER_POINT
    )
    drawing: Any = SpreadsheetDrawing()
    framed = drawing._picture_frame(_NUMBER)
    framed.nvPicPr.cNvPr.descr, framed.nvPicPr.cNvPr.name = short(told, 200), "Logo"
    image.anchor = OneCellAnchor(_from=at, ext=size, pic=framed)
    ws.add_image(image)
