"""The fonts shipped with the package, so that a name in any common script can be read."""

from __future__ import annotations

import threading
from functools import cache
from pathlib import Path

from reportlab.lib.fonts import addMapping
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from xhtml2pdf.default import DEFAULT_FONT

FOLDER = Path(__file__).parent / "fonts"

# (regular, bold), in order of preference: the first family that has a character draws it.
# Droid Sans Fallback comes last because it holds Chinese, Japanese and Korean at once.
_FILES = {
    "invoice": ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"),
    "invoice-hebrew": ("NotoSansHebrew-Regular.ttf", "NotoSansHebrew-Bold.ttf"),
    "invoice-arabic": ("NotoSansArabic-Regular.ttf", "NotoSansArabic-Bold.ttf"),
    "invoice-thai": ("NotoSansThai-Regular.ttf", "NotoSansThai-Bold.ttf"),
    "invoice-armenian": ("NotoSansArmenian-Regular.ttf", "NotoSansArmenian-Bold.ttf"),
    "invoice-georgian": ("NotoSansGeorgian-Regular.ttf", "NotoSansGeorgian-Bold.ttf"),
    "invoice-devanagari": ("NotoSansDevanagari-Regular.ttf", None),
    "invoice-cjk": ("DroidSansFallback.ttf", None),
}

FAMILIES = tuple(_FILES)

# Ascent and descent of Noto Sans, in thousandths of the size.
LINE = (1069, -293)

_registering = threading.Lock()


def drawable() -> frozenset[int]:
    """Register the fonts with the PDF engine, once, and return every code point they draw.

    They are registered by hand and not by an `@font-face` rule: the engine then needs no
    access to files at all, and does not read and hash five megabytes for each invoice.
    """
    with _registering:
        return _register_all()


@cache
def _register_all() -> frozenset[int]:
    points: set[int] = set()
    for family, (regular, bold) in _FILES.items():
        face = _register(f"{family}-regular", regular)
        # A family without a bold face stays readable: its headings come out in the regular one.
        heavy = _register(f"{family}-bold", bold) if bold else face
        for italic in (0, 1):
            addMapping(family, 0, italic, face.fontName)
            addMapping(family, 1, italic, heavy.fontName)
        DEFAULT_FONT[family] = family
        points.update(point for point, glyph in face.face.charToGlyph.items() if glyph)
    return frozenset(points)


def _register(name: str, file: str) -> TTFont:
    font = TTFont(name, FOLDER / file)
    # One height for all, or a line moves up or down with the script that it is written in.
    font.face.ascent, font.face.descent = LINE
    pdfmetrics.registerFont(font)
    return font
