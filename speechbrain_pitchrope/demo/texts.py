"""What the demo corpora say: English sentences of a small grammar, or toned syllables.

Grammar and syllables are in texts.yaml. Only the method `random` of a source of chance
is called, whose values every Python version repeats for the same seed.
"""

import re
from pathlib import Path

from ruamel.yaml import YAML

MIN_WORDS, MAX_WORDS = 4, 10  # of an English sentence, both ends included
CANDIDATES = 200  # draws in search of a dev or test sentence made of known words
MAX_REPEATS = 10_000  # in a row, after which the grammar counts as exhausted

_TABLES = YAML(typ="safe").load(Path(__file__).with_name("texts.yaml"))
GRAMMAR = _TABLES["grammar"]
SYLLABLES = {language: x.split() for language, x in _TABLES["syllables"].items()}

MIN_SYLLABLES, MAX_SYLLABLES = 3, 6  # of an utterance, both ends included
TONES = {"cmn": "1234", "yue": "123456"}

# espeak-ng speaks a third tone before a third tone as a second tone, as Mandarin does:
# such a pair would not be spoken as it is written, so it is never drawn.
NEVER_BEFORE_ITSELF = {"cmn": "3", "yue": ""}


def draw_sentences(rng, sizes):
    """Draw {split: sentences}, all different, for {split: number}.

    They are in lower case, ended by '.' or '?'. A sentence of the second and later
    splits is made of words of the first one, as far as that is large enough.
    """
    used, known, splits = set(), set(), {}
    for name, size in sizes.items():
        splits[name] = []
        for _ in range(size):
            sentence = _draw_new(rng, used)
            if known:
                sentence = _draw_known(rng, used, known, sentence)
            used.add(sentence)
            splits[name].append(sentence)
        if not known:
            known = {word for s in splits[name] for word in _words(s)}
    return splits


def _words(sentence):
    return sentence[:-1].split()


def _draw_known(rng, used, known, sentence):
    """Return the first of several new sentences with the fewest unknown words."""
    best, fewest = sentence, None
    for _ in range(CANDIDATES):
        unknown = len(set(_words(sentence)) - known)
        if fewest is None or unknown < fewest:
            best, fewest = sentence, unknown
        if fewest == 0:
            break
        sentence = _draw_new(rng, used)
    return best


def _draw_new(rng, used):
    """Draw until a sentence of allowed length comes that is not in `used`."""
    for _ in range(MAX_REPEATS):
        sentence = _expand("sentence", rng).lower()
        if MIN_WORDS <= len(_words(sentence)) <= MAX_WORDS and sentence not in used:
            return sentence
    raise ValueError(
        f"the demo grammar yields no further sentence after {len(used)} of them; "
        "ask for fewer utterances"
    )


def _expand(rule, rng):
    """Replace a rule's name by one of its alternatives, down to spoken words."""
    chosen = _pick(rng, GRAMMAR[rule])
    return re.sub("[a-z_]+", lambda name: _expand(name.group(), rng), chosen)


def draw_syllables(rng, language):
    """Draw three to six syllables with their tones, the text of one utterance.

    Every syllable is drawn in every tone, so that only pitch tells `MA3` from `MA4`,
    and no syllable says anything about the tone of the next one.
    """
    syllables, tone = [], ""
    for _ in range(between(rng, MIN_SYLLABLES, MAX_SYLLABLES)):
        taken = tone if tone in NEVER_BEFORE_ITSELF[language] else ""
        tone = _pick(rng, TONES[language].replace(taken, ""))
        syllables.append(_pick(rng, SYLLABLES[language]) + tone)
    return " ".join(syllables)


def _pick(rng, options):
    return options[int(rng.random() * len(options))]


def between(rng, low, high):
    """Draw a whole number of low .. high."""
    return low + int(rng.random() * (high - low + 1))
