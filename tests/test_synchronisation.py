"""A training step does not wait for the device once the first batches were checked."""

import sys
from pathlib import Path

import pytest
import torch
from speechbrain.augment.freq_domain import SpectrogramDrop

import speechbrain_pitchrope
from speechbrain_pitchrope.augment.augmenter import PitchAugmenter
from speechbrain_pitchrope.inband import CHECKED_BATCHES
from speechbrain_pitchrope.lobes.features import PitchFbank
from speechbrain_pitchrope.lobes.models.convolution import PitchConvolutionFrontEnd
from speechbrain_pitchrope.processing.features import PitchInputNormalization
from tests.lobes.models.transformer.small_models import build
from tests.signals import FRONT_END, batch_of, utterance

PACKAGE = str(Path(speechbrain_pitchrope.__file__).parent)

WAITING = ("item", "tolist", "__bool__", "__int__", "__float__", "__index__", "nonzero")
"""What of a tensor needs its values on the host."""

ON_A_CPU_ONLY = "nnet/kernels.py:_lengths"
"""Asked for CPU tensors alone, which are on the host already."""


@pytest.fixture
def waits(monkeypatch):
    """Functions of ours that asked a tensor for its values, as they were called."""
    found = []

    def watched(original):
        def method(*args, **kwargs):
            code = sys._getframe(1).f_code
            place = f"{code.co_filename[len(PACKAGE) + 1 :]}:{code.co_name}"
            if code.co_filename.startswith(PACKAGE) and place != ON_A_CPU_ONLY:
                found.append(place)
            return original(*args, **kwargs)

        return method

    for name in WAITING:
        monkeypatch.setattr(torch.Tensor, name, watched(getattr(torch.Tensor, name)))
    return found


def test_a_step_waits_for_no_value_after_the_first_batches(waits, tmp_path):
    """And the checks start again with loaded weights."""
    compute_features = PitchFbank(n_mels=20)
    normalize = PitchInputNormalization()
    augment = PitchAugmenter(augmentations=[SpectrogramDrop()], augment_prob=0.0)
    front_end = PitchConvolutionFrontEnd((8, 10, 20), **FRONT_END, noise_masking=True)
    settings = {"pitch_input": 4}
    transformer = build(settings, input_size=20, num_encoder_layers=1)
    wavs, lengths = batch_of(utterance(120.0, 0.6), utterance(240.0, 0.4))

    def step():
        waits.clear()
        x = normalize(compute_features(wavs), lengths, epoch=1)
        x, augmented = augment(x, lengths)
        tgt = torch.randint(1, 10, (len(x), 4))
        encoded, decoded = transformer(front_end(x), tgt, augmented)
        (encoded.mean() + decoded.mean()).backward()
        return waits.count("inband.py:require_range")

    counts = [step() for _ in range(CHECKED_BATCHES)]
    assert min(counts) > 0
    step()
    assert waits == []
    normalize._save(tmp_path / "normalizer.ckpt")
    normalize._load(tmp_path / "normalizer.ckpt")
    for module in (front_end, transformer):
        module.load_state_dict(module.state_dict())
    assert step() == 3 * 3  # low, high, filled
