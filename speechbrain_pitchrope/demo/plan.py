"""Who says what in the demo corpus, and the name that each utterance gets.

The grammar's sentences (`sentences`) are shared out among the voices (`voices`)
before anything is spoken, so an interrupted run knows what is still to be made.
"""

import random
from collections import Counter
from dataclasses import dataclass

from speechbrain_pitchrope.demo.sentences import Sentence, draw_splits
from speechbrain_pitchrope.demo.voices import VOICES, Voice, select_voices

__all__ = ["VOICES", "CorpusError", "Sentence", "Utterance", "plan_utterances"]

# In a chapter, which is a folder with one file of transcripts.
UTTERANCES_PER_CHAPTER = 24


class CorpusError(ValueError):
    """The corpus cannot be made as asked; the message says why and what to change."""


@dataclass(frozen=True)
class Utterance:
    """One utterance of the corpus.

    Arguments
    ---------
    voice : Voice
        Who speaks.
    number : int
        Its number among the utterances of the speaker, from 0.
    sentence : Sentence
        What is spoken.

    Example
    -------
    >>> Utterance(VOICES[0], 25, Sentence("WE HAVE SOLD THE BOAT", False)).path
    'train-demo/101/101002/101-101002-0001.flac'
    """

    voice: Voice
    number: int
    sentence: Sentence

    @property
    def chapter(self):
        """Number of its chapter (int)."""
        return self.voice.speaker * 1000 + self.number // UTTERANCES_PER_CHAPTER + 1

    @property
    def id(self):
        """Its name (str): speaker, chapter and number in the chapter."""
        number = self.number % UTTERANCES_PER_CHAPTER
        return f"{self.voice.speaker}-{self.chapter}-{number:04d}"

    @property
    def folder(self):
        """Its chapter's folder (str), from the corpus' folder on."""
        return f"{self.voice.split}/{self.voice.speaker}/{self.chapter}"

    @property
    def path(self):
        """Its audio file (str), from the corpus' folder on."""
        return f"{self.folder}/{self.id}.flac"

    @property
    def transcripts(self):
        """Its file of transcripts (str), from the corpus' folder on."""
        return f"{self.folder}/{self.voice.speaker}-{self.chapter}.trans.txt"


def plan_utterances(seed, utterances, voices_per_split=None):
    """Shares out sentences among voices, as evenly as can be.

    Arguments
    ---------
    seed : int
        Seed of the sentences, 0 or more.
    utterances : int
        How many in all, at least one a voice.
    voices_per_split : int, optional
        At most so many voices in a split, 1 or more; all by default.

    Returns
    -------
    list of Utterance
        Voice by voice. No sentence occurs twice.

    Raises
    ------
    CorpusError
        If a number is out of its range.

    Example
    -------
    >>> [item.id for item in plan_utterances(1, 4, voices_per_split=1)]
    ['101-101001-0000', '101-101001-0001', '201-201001-0000', '301-301001-0000']
    """
    if seed < 0:
        raise CorpusError(f"seed is {seed}: expected 0 or more")
    try:
        voices = select_voices(voices_per_split)
    except ValueError as error:
        raise CorpusError(str(error)) from error
    if utterances < len(voices):
        raise CorpusError(
            f"{utterances} utterances for {len(voices)} voices: expected at least one "
            "a voice; ask for more utterances or fewer voices per split"
        )
    share, rest = divmod(utterances, len(voices))
    sizes = {voice: share + (rank < rest) for rank, voice in enumerate(voices)}
    split_sizes = Counter()
    for voice, size in sizes.items():
        split_sizes[voice.split] += size
    try:
        sentences = draw_splits(random.Random(seed), split_sizes)
    except ValueError as error:
        raise CorpusError(f"utterances is {utterances}: {error}") from error
    queues = {split: iter(drawn) for split, drawn in sentences.items()}
    return [
        Utterance(voice, number, next(queues[voice.split]))
        for voice, size in sizes.items()
        for number in range(size)
    ]
