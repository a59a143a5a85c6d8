"""Error files as SpeechBrain writes them, of made-up utterances."""

import random

from speechbrain.utils.metric_stats import ErrorRateStats

VOCABULARY = ["A", "BOX", "THE", "I'M", "ÉTÉ", "OF", ";", "<eps>", "=", "MISTER"]


def write_wer(path, utterances, **options):
    """Write {id: (reference, hypothesis)}, texts or lists of words; return path."""
    stats = ErrorRateStats(**options)
    texts = [[_words(text) for text in pair] for pair in utterances.values()]
    references, hypotheses = zip(*texts, strict=True)
    stats.append(list(utterances), list(hypotheses), list(references))
    with open(path, "w", encoding="utf-8") as file:
        stats.write_stats(file)
    return path


def random_utterances(seed, speakers=("84", "2428"), each=20):
    """Random references and hypotheses, empty ones and awkward words among them."""
    source = random.Random(seed)
    utterances = {}
    for speaker in speakers:
        for number in range(each):
            reference, hypothesis = (
                source.choices(VOCABULARY, k=source.randint(0, 9)) for _ in range(2)
            )
            utterances[f"{speaker}-1-{number:04}"] = (reference, hypothesis)
    return utterances


def _words(text):
    return text.split() if isinstance(text, str) else text
