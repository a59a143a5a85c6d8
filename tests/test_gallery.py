"""Every figure of the gallery is there, made by the command that is shown with it."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from speechbrain_pitchrope.cli import COMMANDS, make_parser

DOCS = Path(__file__).parents[1] / "docs"
GALLERY = (DOCS / "gallery.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```bash\n(.*?)```\n(?:\n!\[[^\]]+\]\(([^)]+)\))?", GALLERY, re.S)


def test_each_image_is_made_by_the_command_above_it_sharp_and_small():
    figures = set()
    for command, image in SHOWN:
        name, *words = shlex.split(command.replace("\\\n", " "))
        assert name == "pitchrope"
        args = make_parser({words[0]: COMMANDS[words[0]]}).parse_args(words)
        if not image:
            assert args.command == "report"
            continue
        assert (args.command, args.out) == ("plot", f"docs/{image}")
        assert Path(image).stem == args.figure
        figures.add(args.figure)
        assert (DOCS / image).stat().st_size < 150_000, image
        with Image.open(DOCS / image) as opened:
            assert opened.info["dpi"] == pytest.approx((150, 150), 0.01)
    assert figures == {"pitch", "rotation", "similarity", "attention", "training"}
