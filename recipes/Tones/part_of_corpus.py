"""Make a corpus that has each n-th utterance of every training voice of another one.

    python part_of_corpus.py WHOLE PART N train [dev]

Recordings are linked, not copied; the other splits are linked whole. Behind N stands
what the names of the splits begin with that are taken in part.
"""

import sys
from pathlib import Path


def make_part(whole, part, n, splits):
    """Link every n-th utterance of some splits, and all of the others.

    Arguments
    ---------
    whole, part : pathlib.Path
        A corpus in LibriSpeech's layout, and the folder to make.
    n : int
        One utterance in n is taken: the first, n + 1st, ... of the first chapter, the
        second, n + 2nd, ... of the next, for chapters may hold the same sentences.
    splits : tuple of str
        What the names of the splits begin with that are taken in part.
    """
    part.mkdir(parents=True, exist_ok=True)
    for split in sorted(path for path in whole.iterdir() if path.is_dir()):
        if not split.name.startswith(splits):
            link(part / split.name, split)
            continue
        for k, transcripts in enumerate(sorted(split.glob("*/*/*.trans.txt"))):
            chapter = part / transcripts.parent.relative_to(whole)
            chapter.mkdir(parents=True, exist_ok=True)
            lines = transcripts.read_text(encoding="utf-8").splitlines()[k % n :: n]
            for line in lines:
                name = f"{line.split()[0]}.flac"
                link(chapter / name, transcripts.with_name(name))
            text = "".join(f"{line}\n" for line in lines)
            (chapter / transcripts.name).write_text(text, encoding="utf-8")


def link(path, target):
    """Make ``path`` a link to ``target``, whatever it was."""
    path.unlink(missing_ok=True)
    path.symlink_to(target.resolve())


if __name__ == "__main__":
    whole, part, n, *splits = sys.argv[1:]
    make_part(Path(whole), Path(part), int(n), tuple(splits))
