"""Tone Perfect (Michigan State University) -> LibriSpeech's layout.

    python tone_perfect_prepare.py TONE_PERFECT OUT --test_speakers FV3 MV3

9,840 isolated Mandarin syllables: 410 syllables in four tones by six speakers (FV1-FV3,
MV1-MV3), in files such as ma3_FV1_MP3.mp3. A transcript is the syllable and its tone,
`MA3`, with V for u-umlaut. Splits are train-tp, dev-tp and test-tp.
"""

import re
import sys
from pathlib import Path

from tone_layout import Recording, make_parser, split_of, write_corpus

NAME = re.compile(r"([a-z]+)([1-4])_([FM]V\d)_MP3\.mp3")


def tone_perfect(data_folder, dev_speakers, test_speakers):
    """Recordings of a folder.

    Arguments
    ---------
    data_folder : str or Path
        Holds the mp3 files, in folders or not.
    dev_speakers, test_speakers : list of str
        Speakers to leave out of training.

    Returns
    -------
    list of Recording
        A chapter is a tone; the number within is that of the syllable.
    """
    files = {
        path: NAME.fullmatch(path.name) for path in Path(data_folder).rglob("*.mp3")
    }
    strangers = sorted(path.name for path, found in files.items() if not found)
    if strangers:
        raise ValueError(
            f"{len(strangers)} files have names such as {strangers[0]!r}: expected "
            "names such as 'ma3_FV1_MP3.mp3'"
        )
    syllables = sorted({found[1] for found in files.values()})
    splits = split_of(
        {found[3] for found in files.values()}, dev_speakers, test_speakers
    )
    return [
        Recording(
            split=f"{splits[speaker]}-tp",
            speaker=speaker,
            chapter=tone,
            number=syllables.index(syllable),
            words=f"{syllable}{tone}".upper(),
            audio=path,
        )
        for path, found in files.items()
        for syllable, tone, speaker in [found.groups()]
    ]


if __name__ == "__main__":
    args = make_parser(__doc__.splitlines()[0]).parse_args()
    try:
        recordings = tone_perfect(
            args.data_folder, args.dev_speakers, args.test_speakers
        )
        write_corpus(args.out, recordings)
    except (OSError, ValueError) as error:
        sys.exit(f"tone_perfect_prepare: {error}")
