r"""Tone Perfect (Michigan State University) -> LibriSpeech's layout.

    python tone_perfect_prepare.py TONE_PERFECT OUT \
        --dev_speakers FV1 --test_speakers FV3 MV3

9,840 isolated Mandarin syllables: 410 syllables in four tones by six speakers (FV1-FV3,
MV1-MV3), in files such as ma3_FV1_MP3.mp3. A transcript is the syllable and its tone,
`MA3`, with V for u-umlaut. Splits are train-tp, dev-tp and test-tp.
"""

from pathlib import Path

from tone_layout import Recording, main, matched, split_of

NAME = r"([a-z]+)([1-4])_([FM]V\d)_MP3\.mp3"


def tone_perfect(data_folder, dev_speakers, test_speakers):
    """Recordings of a folder: a chapter is a tone, a number within it a syllable."""
    files = matched(Path(data_folder).rglob("*.mp3"), NAME, "ma3_FV1_MP3.mp3")
    syllables = sorted({found[1] for found in files.values()})
    speakers = {found[3] for found in files.values()}
    splits = split_of(speakers, dev_speakers, test_speakers)
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
    main(__doc__.splitlines()[0], tone_perfect)
