"""Error files as SpeechBrain writes them, of made-up utterances."""

import random

from speechbrain.utils.metric_stats import ErrorRateStats

VOCABULARY = ["A", "BOX", "THE", "I'M", "ÉTÉ", "OF", ";", "<eps>", "=", "MISTER"]


def score(utterances, **options):
    """ErrorRateStats of {id: (reference, hypothesis)}, texts or lists of words."""
    stats = ErrorRateStats(**options)
    texts = [
        [text.split() if isinstance(text, str) else text for text in pair]
        for pair in utterances.values()
    ]
    references, hypotheses = zip(*texts, strict=True)
    stats.append(list(utterances), list(hypotheses), list(references))
    return stats


def write_wer(path, utterances, **options):
    """Write the file of errors; return path."""
    with open(path, "w", encoding="utf-8") as file:
        score(utterances, **options).write_stats(file)
    return path


def random_utterances(seed, speakers=("84", "2428"), each=20):
    """Random references and hypotheses, empty ones and awkward words among them."""
    source = random.Random(seed)
    texts = {}
    for name in (f"{speaker}-1-{n:04}" for speaker in speakers for n in range(each)):
        lengths = (source.randint(0, 9) for _ in range(2))
        texts[name] = tuple(source.choices(VOCABULARY, k=length) for length in lengths)
    return texts
