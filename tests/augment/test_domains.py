"""Augmenters of waveforms and of features are told apart by what they are made of."""

import inspect

import pytest
from speechbrain.augment import codec, freq_domain, time_domain

from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.augment.domains import domain, works_on_waves

WAVES = "speechbrain.augment.time_domain.AddNoise"
FEATURES = "speechbrain.augment.freq_domain.Warping"
EITHER = "speechbrain.augment.freq_domain.RandomShift"


def classes(module):
    return [
        cls
        for cls in vars(module).values()
        if inspect.isclass(cls) and cls.__module__ == module.__name__
    ]


@pytest.mark.parametrize("cls", [*classes(time_domain), *classes(codec)])
def test_what_works_on_waves(cls):
    assert domain(f"{cls.__module__}.{cls.__qualname__}") == "waves"


@pytest.mark.parametrize("cls", classes(freq_domain))
def test_what_works_on_features_is_what_pitch_can_follow(cls):
    """A swap lets no augmentation through that PitchAugmenter would refuse."""
    assert domain(f"{cls.__module__}.{cls.__qualname__}") in ("features", "either")
    PitchAugmenter(augmentations=[cls()])


@pytest.mark.parametrize("key", ["wav_augment", "fea_augment", "noise"])
@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([WAVES], True),
        ([WAVES, EITHER, "my.Own"], True),
        ([FEATURES], False),
        ([FEATURES, "my.Own"], False),
        ([FEATURES, WAVES], False),
    ],
)
def test_the_key_does_not_matter_where_the_augmentations_decide(paths, key, expected):
    assert works_on_waves(paths, key) is expected


@pytest.mark.parametrize("paths", [[], [EITHER], ["my.Own"]])
def test_the_key_decides_where_they_leave_it_open(paths):
    assert works_on_waves(paths, "wav_augment")
    assert not works_on_waves(paths, "fea_augment")
