"""Which augmentations work on waveforms, and which on features.

SpeechBrain has one Augmenter for both. Only one of features meets pitch, so the two
must be told apart: by what they are made of, in a built recipe as in its yaml.
"""

_FREQ_DOMAIN = "speechbrain.augment.freq_domain"
_DOMAINS = {
    "speechbrain.augment.time_domain": "waves",
    "speechbrain.augment.codec": "waves",
    "speechbrain_pitchrope.augment.time_domain": "waves",
    f"{_FREQ_DOMAIN}.SpectrogramDrop": "features",
    f"{_FREQ_DOMAIN}.Warping": "features",
    f"{_FREQ_DOMAIN}.RandomShift": "either",
}


def domain(path):
    """What an augmentation works on.

    Arguments
    ---------
    path : str
        Dotted path of its class.

    Returns
    -------
    str
        "waves", "features", "either", or "unknown" if it is not SpeechBrain's.

    Example
    -------
    >>> domain("speechbrain.augment.time_domain.DropChunk"), domain("my.Stretch")
    ('waves', 'unknown')
    """
    module, _, _ = path.rpartition(".")
    return _DOMAINS.get(path) or _DOMAINS.get(module) or "unknown"


def works_on_waves(paths, key):
    """Whether an augmenter is one of waveforms, which has nothing to do with pitch.

    Arguments
    ---------
    paths : iterable of str
        Dotted paths of its augmentations' classes.
    key : str
        Its key in the recipe. It decides where the augmentations leave it open:
        ``wav_augment`` and the like work on waveforms.

    Returns
    -------
    bool
        False also for a mixture of both.

    Example
    -------
    >>> works_on_waves(["speechbrain.augment.time_domain.DropChunk"], "augmentation")
    True
    >>> works_on_waves(["speechbrain.augment.freq_domain.Warping"], "wav_augment")
    False
    >>> works_on_waves(["my.Stretch"], "wav_augment")
    True
    """
    decided = {domain(path) for path in paths} & {"waves", "features"}
    return decided == {"waves"} if decided else key.startswith("wav")
