"""A small speech corpus in LibriSpeech's layout, spoken by espeak-ng, offline.

Texts (`texts`) are shared out among the voices (`voices`), spoken (`speech`), and
written as OUT/SPLIT/SPEAKER/CHAPTER/SPEAKER-CHAPTER-NNNN.flac. OUT/corpus.json holds
the settings and is written first, so that a run can tell its own unfinished work from
another corpus and from other files.
"""

import hashlib
import json
import random
from collections import Counter
from itertools import chain, groupby
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile
from tqdm import tqdm

from speechbrain_pitchrope.demo.speech import (
    SAMPLE_RATE,
    Espeak,
    add_room,
    resample,
    trim,
    write_flac,
)
from speechbrain_pitchrope.demo.texts import draw_sentences, draw_syllables
from speechbrain_pitchrope.demo.voices import PROBES, VOICES, Voice, check_voice
from speechbrain_pitchrope.files import write_whole
from speechbrain_pitchrope.processing.pitch import AutocorrelationPitch

DEFAULT_SEED = 1

# Utterances of a voice, by the kind of its split.
ENGLISH_SIZES = {"train": 75, "dev": 75, "test": 75}
TONAL_SIZES = {"train": 150, "dev": 60, "test": 75}

UTTERANCES_PER_CHAPTER = 24  # a folder with one file of transcripts
VOLUME = 60  # at espeak-ng's normal volume of 100 some variants clip
FORMAT = 2  # goes up when the same settings come to sound otherwise

SETTINGS_FILE = "corpus.json"
SPEAKERS_FILE = "SPEAKERS.TXT"
SPEAKERS_HEADER = ";ID  |SEX| SUBSET           |MINUTES| VOICE OF ESPEAK-NG\n"


class Utterance(NamedTuple):
    """One utterance of a corpus: who says what, and the names of its files."""

    voice: Voice
    number: int  # among the utterances of the voice, from 0
    text: str
    style: dict  # arguments of Espeak.speak

    @property
    def words(self):
        """Its transcript (str) in LibriSpeech's style, without punctuation."""
        return self.text.upper().rstrip(".?")

    @property
    def id(self):
        """Its name (str): speaker, chapter and number in the chapter."""
        chapter, number = divmod(self.number, UTTERANCES_PER_CHAPTER)
        speaker = self.voice.speaker
        return f"{speaker}-{1000 * speaker + chapter + 1}-{number:04d}"

    @property
    def path(self):
        """Its audio file (str), from the corpus' folder on."""
        speaker, chapter, _ = self.id.split("-")
        return f"{self.voice.split}/{speaker}/{chapter}/{self.id}.flac"


def plan_utterances(
    language="en", seed=DEFAULT_SEED, utterances=None, voices_per_split=None
):
    """Decide who says what: a list of Utterance, voice by voice."""
    by_split = groupby(VOICES[language], key=lambda voice: voice.split)
    voices = [voice for _, group in by_split for voice in [*group][:voices_per_split]]
    weights = ENGLISH_SIZES if language == "en" else TONAL_SIZES
    weights = [weights[voice.split.split("-")[0]] for voice in voices]
    sizes = dict(zip(voices, _share(utterances, weights), strict=True))
    who = [(voice, number) for voice, size in sizes.items() for number in range(size)]
    rng = random.Random(seed)
    if language == "en":
        totals = Counter(voice.split for voice, _ in who)
        texts = chain(*draw_sentences(rng, totals).values())
        return [
            Utterance(*place, text, place[0].style)
            for place, text in zip(who, texts, strict=True)
        ]
    return [
        Utterance(*place, draw_syllables(rng, language), place[0].draw_style(rng))
        for place in who
    ]


def _share(total, weights):
    """Share a total out by weight, at least one each; None is the sum of weights."""
    if total is None:
        return weights
    if total < len(weights):
        raise ValueError(
            f"{total} utterances for {len(weights)} voices: expected at least one a "
            "voice; ask for more utterances or fewer voices per split"
        )
    ends = np.cumsum([0, *weights]) - np.arange(len(weights) + 1)
    shares = np.diff(np.ceil((total - len(weights)) * ends / ends[-1]))
    return [1 + int(share) for share in shares]


def make_demo_corpus(
    out,
    language="en",
    seed=DEFAULT_SEED,
    utterances=None,
    voices_per_split=None,
    progress=True,
):
    """Make a demo corpus, or what an interrupted run left of it to be made.

    The same arguments give the same samples and transcripts. The result is the number
    of utterances that were written in this run.
    """
    root = Path(out)
    plan = plan_utterances(language, seed, utterances, voices_per_split)
    _claim_folder(root, plan, language, seed)
    missing = {item.path for item in plan if not (root / item.path).is_file()}
    tracker = AutocorrelationPitch(SAMPLE_RATE)
    with tqdm(total=len(missing), unit="utt", disable=not progress) as bar:
        for voice, group in groupby(plan, key=lambda item: item.voice):
            items = list(group)
            if missing.isdisjoint(item.path for item in items):
                continue
            espeak = Espeak(voice.name)
            probe = espeak.speak(PROBES[language], volume=VOLUME, **voice.style)
            check_voice(voice, tracker, resample(probe, espeak.sample_rate))
            for item in items:
                rng = np.random.default_rng([seed, voice.speaker, item.number])
                # Also what is there already: espeak-ng's state goes on with it.
                noise_seed = int(rng.integers(2**31))
                speech = espeak.speak(item.text, seed=noise_seed, **item.style)
                if item.path in missing:
                    speech = resample(trim(speech), espeak.sample_rate)
                    write_flac(root / item.path, add_room(speech, rng))
                    bar.update()
    _write_documents(root, plan)
    return len(missing)


def _claim_folder(root, plan, language, seed):
    """Write the settings into a new folder; refuse one that holds anything else."""
    texts = json.dumps([(item.id, item.text, item.style) for item in plan])
    settings = {
        "made_by": "pitchrope demo-corpus",
        "format": FORMAT,
        "espeak_ng": Espeak(plan[0].voice.name).version,
        "language": language,
        "seed": seed,
        "utterances": len(plan),
        "voices": len({item.voice for item in plan}),
        "texts_sha256": hashlib.sha256(texts.encode()).hexdigest(),
    }
    file = root / SETTINGS_FILE
    root.mkdir(parents=True, exist_ok=True)
    if not any(root.iterdir()):
        write_whole(file, (json.dumps(settings, indent=1) + "\n").encode())
    try:
        found = dict(json.loads(file.read_text(encoding="utf-8")))
    except (FileNotFoundError, TypeError, ValueError):
        found = {}
    different = [name for name in settings if found.get(name) != settings[name]]
    if different:
        named = (
            f"{x} is {found.get(x)}, asked for is {settings[x]}" for x in different
        )
        raise ValueError(
            f"{root} holds something else than this demo corpus ({SETTINGS_FILE}: "
            f"{', '.join(named)}): choose another OUT, delete the folder, or ask for "
            "the settings it has"
        )


def _write_documents(root, plan):
    """Write transcripts and SPEAKERS.TXT."""
    for chapter, items in groupby(plan, key=lambda item: item.path.rpartition("-")[0]):
        lines = [f"{item.id} {item.words}\n" for item in items]
        write_whole(root / f"{chapter}.trans.txt", "".join(lines).encode())
    rows = [SPEAKERS_HEADER]
    for v, group in groupby(plan, key=lambda item: item.voice):
        frames = sum(soundfile.info(root / item.path).frames for item in group)
        minutes = f"{frames / SAMPLE_RATE / 60:5.2f}"
        rows.append(f"{v.speaker:<5}| {v.sex} | {v.split:<17}| {minutes} | {v.name}\n")
    write_whole(root / SPEAKERS_FILE, "".join(rows).encode())
