"""Figures as files: PNG, SVG and PDF."""

import io
from pathlib import Path

from speechbrain_pitchrope.files import write_whole

FORMATS = (".png", ".svg", ".pdf")

DPI = 150
"""Dots per inch of a PNG, and of the maps inside of SVG and PDF."""

COLORS = 256
"""What a PNG is reduced to: a third of the size, no value off by more than 4 %."""

# Without these, SVG and PDF of one figure differ from time to time.
_UNDATED = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}


def figure_bytes(figure, suffix=".png", dpi=DPI):
    """A figure as the content of a file, the same for the same figure.

    Example
    -------
    >>> from speechbrain_pitchrope.figures.style import new_canvas
    >>> figure_bytes(new_canvas((2, 1)))[1:4]
    b'PNG'
    """
    if suffix.lower() not in FORMATS:
        raise ValueError(
            f"{suffix or 'no ending'} is no format of a figure: choose one of "
            f"{', '.join(FORMATS)}"
        )
    from matplotlib import rc_context

    suffix, content = suffix.lower(), io.BytesIO()
    with rc_context({"svg.hashsalt": "speechbrain_pitchrope"}):
        figure.savefig(content, format=suffix[1:], dpi=dpi, metadata=_UNDATED[suffix])
    return _in_few_colors(content) if suffix == ".png" else content.getvalue()


def save_figure(figure, path):
    """Write a figure as its path's ending says; its folder is made if missing."""
    path = Path(path)
    write_whole(path, figure_bytes(figure, path.suffix))


def _in_few_colors(png):
    """A PNG with a palette; Pillow is there, as matplotlib needs it."""
    from PIL import Image

    picture = Image.open(png).convert("RGB")
    resolution = picture.info.get("dpi")
    picture = picture.quantize(COLORS, Image.Quantize.MAXCOVERAGE, dither=0)
    content = io.BytesIO()
    picture.save(content, "PNG", optimize=True, dpi=resolution)
    return content.getvalue()
