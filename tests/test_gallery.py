"""Every figure of the gallery is there, made by the command that is shown with it."""

import re
import shlex
from pathlib import Path

import pytest
from PIL import Image

from speechbrain_pitchrope.cli import COMMANDS, make_parser

ROOT = Path(__file__).parents[1]
GALLERY = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
SHOWN = re.findall(r"```bash\n(.*?)```\n(?:\n!\[[^\]]+\]\(([^)]+)\))?", GALLERY, re.S)


def parse(command):
    """The arguments of a command line of pitchrope."""
    name, *words = shlex.split(command.replace("\\\n", " "))
    assert name == "pitchrope"
    return make_parser({words[0]: COMMANDS[words[0]]}).parse_args(words)


def test_commands_make_the_images_below_them():
    shown = [(parse(command), image) for command, image in SHOWN]
    names = ["pitch", "rotation", "similarity", "attention", "training"]
    assert [args.figure for args, image in shown if image] == names
    for args, image in shown:
        if image:
            assert (args.command, args.out) == ("plot", f"docs/{args.figure}.png")
            assert image == f"{args.figure}.png"
        else:
            assert args.command == "report"


def test_images_are_sharp_and_small():
    for _, name in SHOWN:
        if name:
            path = ROOT / "docs" / name
            assert path.stat().st_size < 150_000, name
            with Image.open(path) as image:
                assert image.info["dpi"] == pytest.approx((150, 150), 0.01)
                assert image.width <= 1200


def test_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)\)", GALLERY):
        assert (ROOT / "docs" / target).exists(), target
