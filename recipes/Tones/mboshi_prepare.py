"""The Mboshi-French parallel corpus -> LibriSpeech's layout.

    python mboshi_prepare.py full_corpus_newsplit OUT
    python mboshi_prepare.py full_corpus_newsplit OUT --test_speakers kouarata

5,130 sentences in Mboshi (Bantu C25) by three speakers (P. Godard et al., arXiv
1710.03501). A transcript is a file's .mb.cleaned text: lower case, because the capital
of the letter epsilon looks like E, and composed (NFC), so that a vowel with its acute
accent, which writes the high tone, is one character. Splits are train-mb, dev-mb and
test-mb.
"""

import unicodedata
from pathlib import Path

from tone_layout import Recording, main, matched, split_of

# Speaker, day and time of the session, part of the elicitation, number.
NAME = r"([a-z]+)_([\d-]+)_.*_([A-Za-z]+\d+)_(\d+)\.wav"

# Without --dev_speakers, one training text in this many goes to the dev split.
DEV_EVERY = 20


def mboshi(data_folder, dev_speakers, test_speakers):
    """Recordings of `full_corpus_newsplit`, a chapter for each part of a session.

    Without test speakers, the corpus' own `dev` is the test split, which shares no text
    with `train`. Without dev speakers, every twentieth text of what is left is the dev
    split.
    """
    paths = [
        path
        for folder in ("train", "dev")
        for path in sorted(Path(data_folder, folder).glob("*.wav"))
    ]
    files = matched(paths, NAME, "abiayi_2015-09-08-11-18-39_samsung_mdw_Dico18_7.wav")
    speakers = {found[1] for found in files.values()}
    splits = split_of(speakers, dev_speakers, test_speakers)
    recordings = []
    for path, found in files.items():
        speaker, session, part, number = found.groups()
        split = splits[speaker]
        if not test_speakers and split == "train" and path.parent.name == "dev":
            split = "test"
        text = path.with_suffix(".mb.cleaned").read_text(encoding="utf-8")
        words = " ".join(unicodedata.normalize("NFC", text).split())
        chapter = session.replace("-", "") + part
        recordings.append(Recording(split, speaker, chapter, int(number), words, path))
    texts = sorted({item.words for item in recordings if item.split == "train"})
    chosen = set() if dev_speakers else set(texts[DEV_EVERY - 1 :: DEV_EVERY])
    return [
        item._replace(
            split="dev-mb"
            if item.split == "train" and item.words in chosen
            else f"{item.split}-mb"
        )
        for item in recordings
    ]


if __name__ == "__main__":
    main(__doc__.splitlines()[0], mboshi)
