"""Figures as files: PNG, SVG and PDF."""

import io
from pathlib import Path

from speechbrain_pitchrope.files import write_whole

DPI = 150
"""Dots per inch of a PNG, and of the maps inside of SVG and PDF."""

COLORS = 256
"""What a PNG is reduced to: a third of the size, no value off by more than 4 %."""

FORMATS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""Endings, and metadata without which files of one figure differ in time."""


def figure_bytes(figure, suffix=".png", dpi=DPI):
    """A figure as the content of a file, the same for the same figure."""
    from matplotlib import rc_context
    from PIL import Image  # which matplotlib needs

    suffix, content = suffix.lower(), io.BytesIO()
    with rc_context({"svg.hashsalt": "speechbrain_pitchrope"}):
        figure.savefig(content, format=suffix[1:], dpi=dpi, metadata=FORMATS[suffix])
    if suffix != ".png":
        return content.getvalue()
    picture = Image.open(content).convert("RGB")
    picture = picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=0)
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True, dpi=(dpi, dpi))
    return content.getvalue()


def save_figure(figure, path):
    """Write a figure as its path's ending says; its folder is made if missing."""
    path = Path(path)
    write_whole(path, figure_bytes(figure, path.suffix))
