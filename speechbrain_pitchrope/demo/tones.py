"""The utterances of the tone corpora: syllables in random tones, said at random speed.

Every syllable is drawn in every tone, so only pitch tells `MA3` from `MA4`, and no
syllable says anything about the tone of the next one.
"""

__all__ = ["SYLLABLES", "TONES", "draw_style", "draw_syllables"]

# Length of an utterance in syllables, both ends included.
MIN_SYLLABLES, MAX_SYLLABLES = 3, 6

TONES = {"cmn": "1234", "yue": "123456"}

# espeak-ng speaks a third tone before a third tone as a second tone, as Mandarin does:
# such a pair would not be spoken as it is written, so it is never drawn.
NEVER_BEFORE_ITSELF = {"cmn": "3", "yue": ""}

# Pinyin and Jyutping. No syllable ends in a stop, where Cantonese has three tones only.
SYLLABLES = {
    "cmn": (
        *("ba", "pa", "ma", "fa", "da", "ta", "na", "la", "ga", "ka", "ha"),
        *("bai", "pai", "mai", "dai", "tai", "nai", "lai", "gai", "kai", "hai"),
        *("ban", "pan", "man", "fan", "dan", "tan", "nan", "lan", "gan", "kan"),
        *("bang", "pang", "mang", "fang", "dang", "tang", "nang", "lang", "gang"),
        *("bao", "pao", "mao", "dao", "tao", "nao", "lao", "gao", "kao", "hao"),
        *("bu", "pu", "mu", "fu", "du", "tu", "nu", "lu", "gu", "ku"),
    ),
    "yue": (
        *("baa", "paa", "maa", "faa", "daa", "taa", "naa", "laa", "gaa", "haa"),
        *("baai", "paai", "maai", "faai", "daai", "taai", "naai", "laai", "gaai"),
        *("baan", "paan", "maan", "faan", "daan", "taan", "naan", "laan", "gaan"),
        *("bou", "pou", "mou", "dou", "tou", "nou", "lou", "gou", "hou"),
        *("bei", "pei", "mei", "fei", "dei", "nei", "lei", "gei", "hei"),
        *("bong", "pong", "mong", "fong", "dong", "tong", "nong", "long", "gong"),
        *("gu", "fu", "wu", "ku", "hoi"),
    ),
}

# An utterance deviates by at most so much from its voice's own settings.
SPREAD = {"rate": 20, "pitch": 15, "pitch_range": 10}


def draw_syllables(rng, language):
    """Draw three to six syllables with their tones, the text of one utterance.

    Example
    -------
    >>> import random
    >>> draw_syllables(random.Random(1), "cmn")
    'nao4 gan2 gang2'
    """
    syllables, tone = [], ""
    for _ in range(_between(rng, MIN_SYLLABLES, MAX_SYLLABLES)):
        taken = tone if tone in NEVER_BEFORE_ITSELF[language] else ""
        tone = _pick(rng, TONES[language].replace(taken, ""))
        syllables.append(_pick(rng, SYLLABLES[language]) + tone)
    return " ".join(syllables)


def draw_style(rng, voice):
    """Draw rate, pitch and pitch range of one utterance around those of its voice."""
    return {
        name: value + _between(rng, -SPREAD[name], SPREAD[name])
        for name, value in voice.style.items()
    }


def _pick(rng, options):
    return options[int(rng.random() * len(options))]


def _between(rng, low, high):
    return low + int(rng.random() * (high - low + 1))
